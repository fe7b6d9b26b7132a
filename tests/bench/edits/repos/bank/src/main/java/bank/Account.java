package bank;

import java.util.ArrayList;
import java.util.List;

public class Account {
    private final String owner;
    private long cents;
    private final List<String> history = new ArrayList<>();

    public Account(String owner) {
        this.owner = owner;
    }

    public String getOwner() {
        return owner;
    }

    public long getBalance() {
        return cents;
    }

    public void deposit(long amount) {
        cents += amount;
        history.add("deposit " + amount);
    }

    public void withdraw(long amount) throws InsufficientFundsException {
        if (amount > cents) {
            throw new InsufficientFundsException(owner, amount - cents);
        }
        cents -= amount;
        history.add("withdraw " + amount);
    }

    public List<String> getHistory() {
        return List.copyOf(history);
    }
}
