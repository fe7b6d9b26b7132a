use crate::Language;
use crate::tests::{describes, is_known};

const TEXT: &str = r##"package shop

import kotlin.math.max

/** A cart. */
data class Cart(val items: List<Int>) {
    val size = items.size // its size
    var total: Int = 0

    fun add(a: Int): Int {
        val local = "// no"
        return a + local.length
    }

    companion object {
        fun empty() = Cart(emptyList())
    }
}

interface Shape {
    fun area(): Double
}
enum class Kind { A, B }
object Single
typealias Id = String
const val LIMIT = 3
fun Cart.twice(): String = """
    // no
"""
"##;

/// Protects Kotlin: members under their types, and `//` in strings of several lines is none.
#[test]
fn definitions_and_comments_are_found() {
    let definitions = [
        "class Cart",
        "constant Cart.size",
        "variable Cart.total",
        "method Cart.add",
        "method Cart.empty",
        "interface Shape",
        "method Shape.area",
        "enum Kind",
        "class Single",
        "type Id",
        "constant LIMIT",
        "function twice",
    ];
    describes(Language::Kotlin, TEXT, &definitions, &["/** A cart. */", "// its size"]);
}

/// Protects the detection of the language and of its tests.
#[test]
fn its_files_are_known() {
    is_known(Language::Kotlin, &["a/Cart.kt", "build.gradle.kts"], &["kt", "Kotlin"], &["CartTest.kt"]);
}
