package parking;

public enum Vehicle {
    MOTORCYCLE(1),
    CAR(2),
    VAN(3);

    private final int size;

    Vehicle(int size) {
        this.size = size;
    }

    public int size() {
        return size;
    }
}
