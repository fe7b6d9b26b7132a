package parking;

public class Tariff {
    private final int centsPerHour;
    private final int dailyMaximum;

    public Tariff(int centsPerHour, int dailyMaximum) {
        this.centsPerHour = centsPerHour;
        this.dailyMaximum = dailyMaximum;
    }

    // every hour that has begun counts
    public int price(int minutes) {
        int h = minutes / 60;
        return Math.min(h * centsPerHour, dailyMaximum);
    }
}
