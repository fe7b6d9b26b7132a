package library;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedList;
import java.util.List;
import java.util.Map;

public class Catalog {
    private final Map<String, Book> books = new HashMap<>();

    public void add(Book book) {
        books.put(book.getIsbn(), book);
    }

    public Book find(String isbn) {
        Book b = books.get(isbn);
        if (b == null) {
            throw new IllegalArgumentException("unknown book");
        }
        return b;
    }

    /** All books whose title contains the text. */
    public List<Book> search(String text) {
        List<Book> found = new ArrayList<>();
        for (Book book : books.values()) {
            if (book.getTitle().contains(text)) {
                found.add(book);
            }
        }
        return found;
    }

    public int size() {
        return books.size();
    }
}
