package parking;

import java.util.HashMap;
import java.util.Map;

public class Garage {
    private final int capacity;
    private final Tariff tariff;
    private final Map<String, Ticket> parked = new HashMap<>();

    public Garage(int capacity, Tariff tariff) {
        this.capacity = capacity;
        this.tariff = tariff;
    }

    public int free() {
        return capacity - parked.size();
    }

    public Ticket enter(String plate, Vehicle vehicle, int minute) {
        if (free() == 0) {
            throw new IllegalStateException("full");
        }
        Ticket ticket = new Ticket(plate, vehicle, minute);
        parked.put(plate, ticket);
        return ticket;
    }

    /** The price in cents. */
    public int leave(String plate, int minute) {
        Ticket ticket = parked.remove(plate);
        return tariff.price(minute - ticket.getStart());
    }
}
