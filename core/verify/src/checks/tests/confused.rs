use super::{NONE, findings};

const BANK: &str = "class Bank:\n    def deposit(self, amount):\n        self.balance += amount\n\n    def withdraw(self, \
                    amount):\n        self.balance -= amount\n\n    def total(self):\n        return self.balance\n";
const MAIN: &str = "from bank import Bank\n\nbank = Bank()\nbank.deposit(3)\nbank.withdraw(2)\nprint(bank.total())\n";

fn errors(instruction: &str, new: &str) -> Vec<String> {
    let tree = [("bank.py", BANK), ("main.py", MAIN)];
    let mut found = findings(instruction, &tree, &[("bank.py", Some(new))]);
    found.retain(|finding| finding.contains("a copy of"));
    found
}

/// Protects a file from becoming another one, whatever words the instruction has.
#[test]
fn a_file_does_not_become_another_one() {
    let error = ["E bank.py: this makes it a copy of `main.py`, and little of its own text is left"];
    for instruction in
        ["rewrite total with sum()", "make bank.py like main.py", "replace all of every file", "delete it"]
    {
        assert_eq!(errors(instruction, MAIN), error, "{instruction}");
        assert_eq!(errors(instruction, &MAIN.replace("(3)", "(4)")), error, "{instruction}");
    }
}

/// Protects edits that take something from another file, or write their own anew.
#[test]
fn what_keeps_its_own_text_is_no_copy() {
    assert_eq!(errors("use it", &format!("{BANK}\n\n{MAIN}")), NONE);
    assert_eq!(
        errors("rewrite", "def balance():\n    return 1\n\n\ndef other():\n    return 2\n\n\nx = balance()\n"),
        NONE
    );
    assert_eq!(errors("rewrite", &BANK.replace("balance", "money")), NONE);
}
