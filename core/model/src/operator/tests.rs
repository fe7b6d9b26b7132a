use super::{build, domain, first_alone};
use crate::runtime::{self, RuntimeSearch};
use deepcoder_kernels::Format;
use ort::memory::Allocator;
use ort::session::{Session, SessionInputValue};
use ort::value::{DynTensor, DynValue, Tensor, TensorElementType};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A session for a model of one node. A missing library fails the test: it must not pass without having run.
fn session(model: &[u8]) -> Result<Session, String> {
    #[expect(clippy::disallowed_methods, reason = "tests are started by a person or by make, like a program")]
    let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let search = RuntimeSearch {
        setting: variable("DEEPCODER_TEST_ORT"),
        ort_dylib_path: variable("ORT_DYLIB_PATH"),
        prefixes: variable("VIRTUAL_ENV").into_iter().chain([root.join(".venv")]).collect(),
    };
    let library = runtime::locate(&search).expect("set DEEPCODER_TEST_ORT to ONNX Runtime's library");
    runtime::init(&library).expect("it starts");
    let environment = runtime::started().expect("it has started").0;
    let builder = Session::builder(&environment).map_err(|e| e.to_string())?;
    let builder = builder.with_operators(domain().map_err(|e| e.to_string())?).map_err(|e| e.to_string())?;
    let mut builder = builder.with_intra_threads(2).map_err(|e| e.to_string())?;
    build(|| builder.commit_from_memory(model)).map_err(|e| e.to_string())
}

/// A field of a protobuf message: a number, or bytes.
fn field(id: u8, value: Result<u64, &[u8]>, out: &mut Vec<u8>) {
    let varint = |mut v: u64, out: &mut Vec<u8>| {
        while v > 127 {
            out.push(v as u8 | 128);
            v >>= 7;
        }
        out.push(v as u8);
    };
    match value {
        Ok(number) => {
            varint(u64::from(id) << 3, out);
            varint(number, out);
        }
        Err(bytes) => {
            varint(u64::from(id) << 3 | 2, out);
            varint(bytes.len() as u64, out);
            out.extend(bytes);
        }
    }
}

enum Attribute {
    Int(i64),
    Float(f32),
    Text(&'static str),
}

/// A model of one node, whose inputs and outputs have types (ONNX's numbers) and any shape.
fn model(op: &str, types: &[u64], results: &[u64], attributes: &[(&str, Attribute)]) -> Vec<u8> {
    let (mut graph, mut node) = (Vec::new(), Vec::new());
    let value = |name: &str, element: u64| {
        let (mut tensor, mut kind, mut value) = (Vec::new(), Vec::new(), Vec::new());
        field(1, Ok(element), &mut tensor);
        field(1, Err(&tensor), &mut kind);
        field(1, Err(name.as_bytes()), &mut value);
        field(2, Err(&kind), &mut value);
        value
    };
    let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
    for (i, element) in types.iter().enumerate() {
        field(1, Err(format!("i{i}").as_bytes()), &mut node);
        field(11, Err(&value(&format!("i{i}"), *element)), &mut inputs);
    }
    for (i, element) in results.iter().enumerate() {
        field(2, Err(format!("o{i}").as_bytes()), &mut node);
        field(12, Err(&value(&format!("o{i}"), *element)), &mut outputs);
    }
    field(4, Err(op.as_bytes()), &mut node);
    for (name, attribute) in attributes {
        let mut bytes = Vec::new();
        field(1, Err(name.as_bytes()), &mut bytes);
        let kind = match attribute {
            Attribute::Float(v) => {
                bytes.push(2 << 3 | 5);
                bytes.extend(v.to_le_bytes());
                1
            }
            Attribute::Int(v) => {
                field(3, Ok(v.cast_unsigned()), &mut bytes);
                2
            }
            Attribute::Text(v) => {
                field(4, Err(v.as_bytes()), &mut bytes);
                3
            }
        };
        field(20, Ok(kind), &mut bytes);
        field(5, Err(&bytes), &mut node);
    }
    field(7, Err(b"ai.deepcoder"), &mut node);
    field(1, Err(&node), &mut graph);
    field(2, Err(b"test"), &mut graph);
    graph.extend(inputs);
    graph.extend(outputs);
    let mut out = Vec::new();
    field(1, Ok(10), &mut out);
    field(7, Err(&graph), &mut out);
    for (name, version) in [("", 21), ("ai.deepcoder", 1)] {
        let mut opset = Vec::new();
        field(1, Err(name.as_bytes()), &mut opset);
        field(2, Ok(version), &mut opset);
        field(8, Err(&opset), &mut out);
    }
    out
}

const FLOAT: u64 = 1;
const BYTE: u64 = 2;
const LONG: u64 = 7;
const HALF: u64 = 10;

fn numbers(count: usize, seed: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919 + seed * 104_729) % 1009) as f32 / 504.0 - 1.0).collect()
}

/// A tensor of halves.
fn zeros(shape: &[i64]) -> DynValue {
    let mut tensor = DynTensor::new(&Allocator::default(), TensorElementType::Float16, shape.to_vec()).unwrap();
    let count = shape.iter().product::<i64>() as usize;
    // SAFETY: the tensor has so many numbers of two bytes, and no other code uses it.
    #[expect(unsafe_code, reason = "the type has no Rust counterpart here")]
    unsafe {
        tensor.data_ptr_mut().cast::<u16>().write_bytes(0, count);
    }
    tensor.into_dyn()
}

fn sizes() -> [(&'static str, Attribute); 9] {
    [
        ("heads", Attribute::Int(2)),
        ("nope", Attribute::Int(32)),
        ("rope", Attribute::Int(8)),
        ("value", Attribute::Int(16)),
        ("rank", Attribute::Int(32)),
        ("scale", Attribute::Float(0.2)),
        ("epsilon", Attribute::Float(1e-6)),
        ("layer", Attribute::Int(1)),
        ("layers", Attribute::Int(3)),
    ]
}

fn floats(shape: &[i64], seed: usize) -> DynValue {
    let count = shape.iter().product::<i64>() as usize;
    Tensor::from_array((shape.to_vec(), numbers(count, seed))).unwrap().into_dyn()
}

fn longs(shape: &[i64], values: &[i64]) -> DynValue {
    Tensor::from_array((shape.to_vec(), values.to_vec())).unwrap().into_dyn()
}

/// Two sequences, of which the second has two new tokens behind 63, and four pages.
fn places_of(pages: [i64; 2]) -> [DynValue; 3] {
    [longs(&[3], &[5, 63, 64]), longs(&[3], &[0, 1, 1]), longs(&[2, 2], &[2, -1, pages[0], pages[1]])]
}

/// Which numbers of a tensor of halves are not zero.
fn written(tensor: &DynValue, count: usize) -> Vec<usize> {
    let tensor = tensor.view().downcast::<ort::value::DynTensorValueType>().unwrap();
    // SAFETY: the tensor has so many numbers of two bytes, and no code writes to them.
    #[expect(unsafe_code, reason = "the type has no Rust counterpart here")]
    let numbers = unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast::<u16>(), count) };
    (0..count).filter(|i| numbers[*i] != 0).collect()
}

/// Runs a node of paged attention: `own` are its inputs before the pages' and `each` the numbers of a page, of
/// `layers`. The result must have `width` numbers for each of three rows; the places that the cache has afterwards come
/// back.
fn run_paged(session: &mut Session, own: &[DynValue], each: i64, width: i64) -> Vec<usize> {
    let cache = zeros(&[4, each]);
    let places = places_of([3, 0]);
    {
        let inputs: Vec<SessionInputValue<'_>> =
            own.iter().chain(&places).chain([&cache]).map(SessionInputValue::from).collect();
        let names = session.inputs().iter().map(|i| i.name().to_owned()).collect::<Vec<_>>();
        let results = session.run(names.into_iter().zip(inputs).collect::<Vec<_>>()).unwrap();
        let (shape, result) = results[0].try_extract_tensor::<f32>().unwrap();
        assert_eq!(**shape, [1, 3, width]);
        assert!(result.iter().all(|v| v.is_finite()) && result.iter().any(|v| *v != 0.0));
    }
    let changed = written(&cache, 4 * each as usize);
    // A table with a page that does not exist fails the run, and leaves the cache unchanged.
    for wrong in [places_of([3, 4]), places_of([-1, 0])] {
        let inputs: Vec<SessionInputValue<'_>> =
            own.iter().chain(&wrong).chain([&cache]).map(SessionInputValue::from).collect();
        let names = session.inputs().iter().map(|i| i.name().to_owned()).collect::<Vec<_>>();
        let error = session.run(names.into_iter().zip(inputs).collect::<Vec<_>>()).err().unwrap().to_string();
        assert!(error.contains("which is none of 4"), "{error}");
        assert_eq!(written(&cache, 4 * each as usize), changed);
    }
    changed
}

/// Protects graphs with any of the types that the inputs may have: ONNX Runtime finds the operator for them, and the
/// caller's own pages are written, in the places of the new tokens. That the numbers are right is for the kernels' own
/// tests.
#[test]
fn paged_latent_attention_runs_with_every_type() {
    for keys in [BYTE, FLOAT] {
        for values in [BYTE, FLOAT] {
            let types = [FLOAT, FLOAT, FLOAT, FLOAT, FLOAT, keys, values, LONG, LONG, LONG, HALF];
            let mut attributes: Vec<_> = sizes().into_iter().collect();
            let name = |of| Attribute::Text(if of == BYTE { "Q8_0" } else { "F32" });
            attributes.extend([("k_type", name(keys)), ("v_type", name(values))]);
            let mut session = session(&model("PagedLatentAttention", &types, &[FLOAT], &attributes)).unwrap();
            let weights = |of, rows: usize, columns: usize| {
                if of == FLOAT {
                    return floats(&[2, rows as i64, columns as i64], 3);
                }
                let tiles = vec![0x81u8; 2 * Format::Q8_0.matrix_bytes(rows, columns).unwrap()];
                Tensor::from_array(([tiles.len()], tiles)).unwrap().into_dyn()
            };
            let inputs = [
                floats(&[1, 3, 80], 1),
                floats(&[1, 3, 40], 2),
                floats(&[32], 5),
                floats(&[128, 4], 6),
                floats(&[128, 4], 7),
                weights(keys, 32, 32),
                weights(values, 16, 32),
            ];
            let each = 3 * 64 * 40;
            let changed = run_paged(&mut session, &inputs, each as i64, 32);
            let rows = [(2, 5), (3, 63), (0, 0)].map(|(page, token)| page * each + (64 + token) * 40);
            let inside = |at: &usize| rows.iter().any(|row| (*row..row + 40).contains(at));
            assert!(changed.iter().all(inside) && changed.len() > 3 * 36, "{}", changed.len());
        }
    }
}

/// Protects graphs of Llama and Qwen2, with either kind of rotation and with the default of the scale, as above.
#[test]
fn paged_grouped_attention_runs() {
    for (interleaved, scale) in [(0, None), (1, Some(0.3))] {
        let types = [FLOAT, FLOAT, FLOAT, LONG, LONG, LONG, HALF];
        let mut attributes: Vec<_> = [("heads", 6), ("kv_heads", 2), ("head_dim", 16), ("layer", 1), ("layers", 3)]
            .map(|(name, value)| (name, Attribute::Int(value)))
            .into();
        attributes.push(("interleaved", Attribute::Int(interleaved)));
        attributes.extend(scale.map(|scale| ("scale", Attribute::Float(scale))));
        let mut session = session(&model("PagedGroupedAttention", &types, &[FLOAT], &attributes)).unwrap();
        let inputs = [floats(&[1, 3, 160], 1), floats(&[128, 8], 6), floats(&[128, 8], 7)];
        let each = 3 * 2 * 2 * 16 * 64;
        let changed = run_paged(&mut session, &inputs, each as i64, 96);
        // Keys have the tokens beside each other, values their numbers.
        let is_new = |at: &usize| {
            let (page, layer, at) = (at / each, at % each / (each / 3), at % (each / 3));
            let token = if at < 2 * 16 * 64 { at % 64 } else { at / 16 % 64 };
            layer == 1 && [(2, 5), (3, 63), (0, 0)].contains(&(page, token))
        };
        assert!(changed.iter().all(is_new) && changed.len() > 3 * 60, "{}", changed.len());
    }
}

/// Protects layers with and without a shared expert: the last three inputs may be missing, and attributes that are not
/// given have their defaults.
#[test]
fn a_mixture_runs_with_and_without_a_shared_expert() {
    let tiles = |count: usize| {
        let tiles = vec![0x81u8; count * Format::Q8_0.matrix_bytes(32, 32).unwrap()];
        Tensor::from_array(([tiles.len()], tiles)).unwrap().into_dyn()
    };
    for shared in [0, 32] {
        let types = [FLOAT, FLOAT, BYTE, BYTE, BYTE, BYTE, BYTE, BYTE];
        let types = &types[..if shared == 0 { 5 } else { 8 }];
        let mut attributes: Vec<_> = [("E", 4), ("H", 32), ("I", 32), ("shared", shared), ("top_k", 2)]
            .map(|(n, v)| (n, Attribute::Int(v)))
            .into();
        for name in ["gate_type", "up_type", "down_type", "shared_gate_type", "shared_up_type", "shared_down_type"] {
            attributes.push((name, Attribute::Text("Q8_0")));
        }
        let mut session = session(&model("GgufMoe", types, &[FLOAT], &attributes)).unwrap();
        let x = Tensor::from_array(([1, 3, 32], numbers(96, 1))).unwrap().into_dyn();
        let router = Tensor::from_array(([4, 32], numbers(128, 2))).unwrap().into_dyn();
        let inputs = [x, router, tiles(4), tiles(4), tiles(4), tiles(1), tiles(1), tiles(1)];
        let names = session.inputs().iter().map(|i| i.name().to_owned()).collect::<Vec<_>>();
        let inputs: Vec<_> = names.into_iter().zip(inputs).collect();
        let results = session.run(inputs).unwrap();
        let (shape, result) = results[0].try_extract_tensor::<f32>().unwrap();
        assert_eq!(**shape, [1, 3, 32]);
        assert!(result.iter().all(|v| v.is_finite()) && result.iter().any(|v| *v != 0.0));
    }
}

/// Protects the layers of dense models: the node computes the same as a mixture of one expert with weight one.
#[test]
fn a_feed_forward_network_is_an_expert() {
    let bytes = Format::Q8_0.matrix_bytes(32, 32).unwrap();
    let tiles = |seed: usize| {
        let tiles: Vec<u8> = (0..bytes).map(|i| (i * 31 + seed * 7) as u8 & 0x2f).collect();
        Tensor::from_array(([tiles.len()], tiles)).unwrap().into_dyn()
    };
    let mut attributes: Vec<_> =
        [("E", 1), ("H", 32), ("I", 32), ("top_k", 1)].map(|(n, v)| (n, Attribute::Int(v))).into();
    attributes.extend(["gate_type", "up_type", "down_type"].map(|name| (name, Attribute::Text("Q8_0"))));
    let mut results = Vec::new();
    for (op, count) in [("GgufMoe", 2), ("GgufFeedForward", 1)] {
        let types = [vec![FLOAT; count], vec![BYTE; 3]].concat();
        let mut session = session(&model(op, &types, &[FLOAT], &attributes)).unwrap();
        let own = [floats(&[1, 3, 32], 1), floats(&[1, 32], 2)].into_iter().take(count);
        let inputs = own.chain([tiles(1), tiles(2), tiles(3)]).enumerate();
        let inputs: Vec<_> = inputs.map(|(i, v)| (format!("i{i}"), SessionInputValue::from(v))).collect();
        let out = session.run(inputs).unwrap();
        let (shape, result) = out[0].try_extract_tensor::<f32>().unwrap();
        assert_eq!(**shape, [1, 3, 32]);
        results.push(result.to_vec());
    }
    assert!(results[0] == results[1] && results[0].iter().any(|v| *v != 0.0), "{results:?}");
}

/// Protects programs that load two models at once: until one session has registered the operators, which the runtime does
/// without a lock, there is one at a time; and one that failed has not.
#[test]
fn the_first_session_is_built_alone() {
    let (registered, asked, inside) = (Mutex::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let one = |number: usize| {
        asked.fetch_add(1, Ordering::SeqCst);
        first_alone(&registered, || {
            let before = inside.fetch_add(1, Ordering::SeqCst);
            while asked.load(Ordering::SeqCst) < 8 {
                std::thread::yield_now();
            }
            (0..1000).for_each(|_| std::thread::yield_now());
            let alone = before == 0 && inside.fetch_sub(1, Ordering::SeqCst) == 1;
            if alone { Err(number) } else { Ok(()) }
        })
    };
    let one = &one;
    let failed = std::thread::scope(|scope| {
        let all: Vec<_> = (0..8).map(|number| scope.spawn(move || one(number))).collect();
        all.into_iter().filter_map(|one| one.join().unwrap().err()).count()
    });
    assert_eq!(failed, 8, "two were built at once");
    assert!(!*registered.lock().unwrap());
    first_alone(&registered, || Ok::<(), ()>(())).unwrap();
    // Those that follow need not wait for each other.
    first_alone(&registered, || first_alone(&registered, || Ok::<(), ()>(()))).unwrap();
}
