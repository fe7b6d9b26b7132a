package library;

import java.time.LocalDate;
import java.time.temporal.ChronoUnit;

public class Loan {
    static final int DAYS = 21;

    private final Book book;
    private final String reader;
    private final LocalDate start;

    public Loan(Book book, String reader, LocalDate start) {
        this.book = book;
        this.reader = reader;
        this.start = start;
    }

    public Book getBook() {
        return book;
    }

    public String getReader() {
        return reader;
    }

    public LocalDate due() {
        return start.plusDays(DAYS);
    }

    public long daysLate(LocalDate today) {
        return ChronoUnit.DAYS.between(due(), today);
    }
}
