use crate::Language;
use crate::tests::{describes, is_known};

const TEXT: &str = r##"# frozen_string_literal: true
require 'json'

module Shop
  # A cart.
  class Cart < Base
    LIMIT = 3

    def self.empty
      new([])
    end

    def add?(a)
      text = "# no #{a}" # yes
      text << <<~EOS
        # no
      EOS
      a
    end
  end
end

def helper = 1

=begin
A block.
=end
"##;

/// Protects Ruby: methods under their classes and modules, and a `#` in a string or an interpolation is no comment.
#[test]
fn definitions_and_comments_are_found() {
    let definitions = [
        "module Shop",
        "class Shop.Cart",
        "constant Shop.Cart.LIMIT",
        "method Shop.Cart.empty",
        "method Shop.Cart.add?",
        "function helper",
    ];
    describes(
        Language::Ruby,
        TEXT,
        &definitions,
        &["# frozen_string_literal: true", "# A cart.", "# yes", "=begin\nA block.\n=end"],
    );
}

/// Protects the detection of the language and of its tests.
#[test]
fn its_files_are_known() {
    is_known(Language::Ruby, &["a/cart.rb", "Gemfile"], &["rb"], &["cart_spec.rb", "cart_test.rb"]);
}
