package bank;

public final class Money {
    private Money() {
    }

    public static long parse(String text) {
        String[] parts = text.split("\\.");
        long cents = Long.parseLong(parts[0]) * 100;
        return parts.length == 1 ? cents : cents + Long.parseLong(parts[1]);
    }

    public static String format(long cents) {
        return cents / 100 + "." + String.format("%02d", cents % 100);
    }
}
