use crate::Language;
use crate::tests::{describes, is_known};

const TEXT: &str = r##"#!/bin/bash
# Builds it.
set -euo pipefail
source ./lib.sh
OUT=dist # the folder
build() {
  local name="$1#x"
  echo "# no ${#name}" '# neither' # yes
  cat <<'EOF'
# in a heredoc
EOF
}
function clean { rm -rf "${OUT:?}"; }
"##;

/// Protects scripts: functions and variables at the top are found, and a `#` in a string or a parameter is no comment.
#[test]
fn definitions_and_comments_are_found() {
    let definitions = ["variable OUT", "function build", "function clean"];
    describes(Language::Bash, TEXT, &definitions, &["#!/bin/bash", "# Builds it.", "# the folder", "# yes"]);
}

/// Protects the detection of the language and of its tests.
#[test]
fn its_files_are_known() {
    is_known(Language::Bash, &["run.sh", ".bashrc"], &["sh", "shell"], &["tests/run.sh", "build_test.sh"]);
    assert_eq!(Language::of_shebang("#!/usr/bin/env -S bash -e\n"), Some(Language::Bash));
}
