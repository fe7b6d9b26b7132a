//! A model of the instructions, after Intel's description of them, for tests on processors that have none.

use super::{Config, TileUnit};

/// The registers with their shapes, in rows of 64 bytes.
#[derive(Default)]
pub(crate) struct Emulator {
    shapes: Option<[(usize, usize); 8]>,
    registers: [Vec<[u8; 64]>; 8],
}

impl Emulator {
    fn shape(&self, register: u8) -> (usize, usize) {
        self.shapes.expect("the registers have shapes")[usize::from(register)]
    }
}

impl TileUnit for Emulator {
    // SAFETY: the caller promises what the trait asks for.
    unsafe fn configure(&mut self, config: &Config) {
        let bytes = &config.0;
        assert!(bytes[0] == 1 && bytes[1..16].iter().all(|b| *b == 0), "a palette and the row to begin with");
        assert!(bytes[32..48].iter().chain(&bytes[56..]).all(|b| *b == 0), "there are eight registers");
        let shape = |i: usize| {
            let (rows, width) = (bytes[48 + i], u16::from_le_bytes([bytes[16 + 2 * i], bytes[17 + 2 * i]]));
            assert!((1..=16).contains(&rows) && (1..=64).contains(&width), "a register of another size");
            (usize::from(rows), usize::from(width))
        };
        self.shapes = Some(std::array::from_fn(shape));
        self.registers = std::array::from_fn(|_| vec![[0; 64]; 16]);
    }

    // SAFETY: the caller promises what the trait asks for.
    unsafe fn load<const T: u8>(&mut self, from: *const u8, stride: usize) {
        let (rows, width) = self.shape(T);
        let register = &mut self.registers[usize::from(T)];
        register.fill([0; 64]);
        for (row, to) in register.iter_mut().take(rows).enumerate() {
            // SAFETY: as the caller promises.
            to[..width].copy_from_slice(unsafe { std::slice::from_raw_parts(from.add(row * stride), width) });
        }
    }

    // SAFETY: the caller promises what the trait asks for.
    unsafe fn zero<const T: u8>(&mut self) {
        let _ = self.shape(T);
        self.registers[usize::from(T)].fill([0; 64]);
    }

    // SAFETY: the caller promises what the trait asks for.
    unsafe fn dot<const TO: u8, const A: u8, const B: u8>(&mut self) {
        assert!(TO != A && A != B && TO != B, "three registers");
        let ((rows, width), a, b) = (self.shape(TO), self.shape(A), self.shape(B));
        assert!(a == (rows, 4 * b.0) && b.1 == width && width % 4 == 0 && a.1 % 4 == 0, "shapes that do not fit");
        let signed = |byte: u8| i32::from(byte.cast_signed());
        for m in 0..rows {
            for n in 0..width / 4 {
                let place = 4 * n..4 * n + 4;
                let before = &self.registers[usize::from(TO)][m][place.clone()];
                let mut sum = i32::from_le_bytes(before.try_into().expect("four bytes"));
                for k in 0..b.0 {
                    for i in 0..4 {
                        let (left, right) = (&self.registers[usize::from(A)][m], &self.registers[usize::from(B)][k]);
                        sum = sum.wrapping_add(signed(left[4 * k + i]) * signed(right[4 * n + i]));
                    }
                }
                self.registers[usize::from(TO)][m][place].copy_from_slice(&sum.to_le_bytes());
            }
        }
        for row in &mut self.registers[usize::from(TO)][rows..] {
            row.fill(0);
        }
    }

    // SAFETY: the caller promises what the trait asks for.
    unsafe fn store<const T: u8>(&mut self, to: *mut u8, stride: usize) {
        let (rows, width) = self.shape(T);
        for (row, from) in self.registers[usize::from(T)].iter().take(rows).enumerate() {
            // SAFETY: as the caller promises.
            unsafe { std::slice::from_raw_parts_mut(to.add(row * stride), width) }.copy_from_slice(&from[..width]);
        }
    }

    // SAFETY: the caller promises what the trait asks for.
    unsafe fn release(&mut self) {
        *self = Self::default();
    }
}
