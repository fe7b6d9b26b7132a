use crate::Language;
use crate::tests::{describes, is_known};

const TEXT: &str = r##"using System;

namespace Shop.Core
{
    // A cart.
    [Serializable]
    public class Cart : Base
    {
        private readonly int _count = 1;
        public string Name { get; set; } = "// no";
        public Cart() { }
        /* Adds. */
        public int Add(int a)
        {
            var path = @"C:\// no";
            int Twice(int x) => x * 2;
            return Twice(a) + $"{a} // no".Length;
        }
    }
    public interface ICart { void Clear(); }
    public enum Kind { A, B }
    public struct Point { public int X; }
    public record Line(int A);
    public delegate void Done(int a);
}
"##;

/// Protects C#: members under their types, and `//` in strings of every sort is none.
#[test]
fn definitions_and_comments_are_found() {
    let definitions = [
        "module Shop.Core",
        "class Shop.Core.Cart",
        "field Shop.Core.Cart._count",
        "field Shop.Core.Cart.Name",
        "method Shop.Core.Cart.Cart",
        "method Shop.Core.Cart.Add",
        "function Shop.Core.Cart.Add.Twice",
        "interface Shop.Core.ICart",
        "method Shop.Core.ICart.Clear",
        "enum Shop.Core.Kind",
        "struct Shop.Core.Point",
        "field Shop.Core.Point.X",
        "class Shop.Core.Line",
        "type Shop.Core.Done",
    ];
    describes(Language::CSharp, TEXT, &definitions, &["// A cart.", "/* Adds. */"]);
}

/// Protects the detection of the language and of its tests.
#[test]
fn its_files_are_known() {
    is_known(Language::CSharp, &["a/Cart.cs"], &["C#", "cs"], &["CartTests.cs"]);
}
