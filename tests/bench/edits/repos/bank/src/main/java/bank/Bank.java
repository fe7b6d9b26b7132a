package bank;

import java.util.Map;
import java.util.TreeMap;

public class Bank {
    private final Map<String, Account> accounts = new TreeMap<>();

    public Account open(String owner) {
        return accounts.computeIfAbsent(owner, Account::new);
    }

    public void transfer(String from, String to, long amount) throws InsufficientFundsException {
        open(from).withdraw(amount);
        open(to).deposit(amount);
    }

    public long sum() {
        return accounts.values().stream().mapToLong(Account::getBalance).sum();
    }
}
