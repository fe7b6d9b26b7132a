package library;

import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;

/** Where books are lent. */
public class Desk {
    private final Catalog catalog;
    private final List<Loan> loans = new ArrayList<>();

    public Desk(Catalog catalog) {
        this.catalog = catalog;
    }

    public Loan lend(String isbn, String reader, LocalDate today) {
        Book book = catalog.find(isbn);
        Loan loan = new Loan(book, reader, today);
        loans.add(loan);
        return loan;
    }

    public List<Loan> loansOf(String reader) {
        List<Loan> found = new ArrayList<>();
        for (Loan loan : loans) {
            if (loan.getReader() == reader) {
                found.add(loan);
            }
        }
        return found;
    }
}
