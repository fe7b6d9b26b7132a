package bank;

public class InsufficientFundsException extends Exception {
    private final long missing;

    public InsufficientFundsException(String owner, long missing) {
        super(owner + " lacks " + missing + " cents");
        this.missing = missing;
    }

    public long getMissing() {
        return missing;
    }
}
