package bank;

public class Main {
    public static void main(String[] args) throws InsufficientFundsException {
        Bank bank = new Bank();
        bank.open("ann").deposit(Money.parse("12.50"));
        bank.transfer("ann", "bob", 250);
        System.out.println(Money.format(bank.open("ann").getBalance()));
        System.out.println(Money.format(bank.open("bob").getBalance()));
        System.out.println(Money.format(bank.sum()));
    }
}
