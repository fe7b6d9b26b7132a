package parking;

public class Ticket {
    private final String plate;
    private final Vehicle vehicle;
    private final int start;

    public Ticket(String plate, Vehicle vehicle, int start) {
        this.plate = plate;
        this.vehicle = vehicle;
        this.start = start;
    }

    public String getPlate() {
        return plate;
    }

    public Vehicle getVehicle() {
        return vehicle;
    }

    public int getStart() {
        return start;
    }
}
