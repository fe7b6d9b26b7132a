use crate::Language;
use crate::tests::{describes, is_known};

const TEXT: &str = r##"<h1># no // no</h1>
<?php
namespace Shop;

use Shop\Base;

// The limit.
const LIMIT = 3;

/** A cart. */
class Cart extends Base
{
    private int $count = 1;
    const KIND = '// no';

    public function add(int $a): int
    {
        $url = "http://x # no";
        return $a; # yes
    }
}

interface Shape { public function area(): float; }
trait Named { }
enum Suit: string { case A = 'a'; }
function helper() { return <<<X
// no
X;
}
"##;

/// Protects PHP: definitions are found beside HTML, and a mark in a string or in the HTML is no comment.
#[test]
fn definitions_and_comments_are_found() {
    let definitions = [
        "module Shop",
        "constant LIMIT",
        "class Cart",
        "field Cart.$count",
        "constant Cart.KIND",
        "method Cart.add",
        "interface Shape",
        "method Shape.area",
        "trait Named",
        "enum Suit",
        "function helper",
    ];
    describes(Language::Php, TEXT, &definitions, &["// The limit.", "/** A cart. */", "# yes"]);
}

/// Protects the detection of the language and of its tests.
#[test]
fn its_files_are_known() {
    is_known(Language::Php, &["a/Cart.php"], &["php"], &["CartTest.php"]);
}
