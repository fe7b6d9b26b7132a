"""Stock of a small warehouse: movements, reservations, and a report of what must be ordered."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from enum import Enum
from pathlib import Path

log = logging.getLogger(__name__)

DEFAULT_LEAD_DAYS = 7
SAFETY_FACTOR = 1.5


class MovementKind(Enum):
    RECEIPT = "receipt"
    SALE = "sale"
    CORRECTION = "correction"
    LOSS = "loss"

    @property
    def sign(self):
        return -1 if self in (MovementKind.SALE, MovementKind.LOSS) else 1


class StockError(Exception):
    """Base of the errors of this module."""


class UnknownProduct(StockError):
    def __init__(self, sku):
        super().__init__(f"unknown product: {sku}")
        self.sku = sku


class NotEnoughStock(StockError):
    def __init__(self, sku, wanted, available):
        super().__init__(f"{sku}: {wanted} wanted, {available} available")
        self.sku = sku
        self.wanted = wanted
        self.available = available


@dataclass
class Product:
    sku: str
    name: str
    price: float
    lead_days: int = DEFAULT_LEAD_DAYS
    tags: set[str] = field(default_factory=set)

    def label(self):
        return f"{self.name} ({self.sku})"


@dataclass
class Movement:
    sku: str
    kind: MovementKind
    quantity: int
    day: date
    note: str = ""

    def delta(self):
        return self.kind.sign * self.quantity


@dataclass
class Reservation:
    id: int
    sku: str
    quantity: int
    customer: str
    until: date

    def expired(self, today):
        return self.until < today


class Inventory:
    """Products, their movements, and what is reserved of them."""

    def __init__(self):
        self.products = {}
        self.movements = []
        self.reservations = {}
        self._next_reservation = 1
        self._levels = defaultdict(int)

    def add_product(self, product):
        if product.sku in self.products:
            log.warning("product %s is replaced", product.sku)
        self.products[product.sku] = product

    def product(self, sku):
        try:
            return self.products[sku]
        except KeyError:
            raise UnknownProduct(sku) from None

    def record(self, movement):
        self.product(movement.sku)
        if movement.quantity <= 0 and movement.kind is not MovementKind.CORRECTION:
            raise ValueError(f"quantity must be positive: {movement.quantity}")
        level = self._levels[movement.sku] + movement.delta()
        if level < 0:
            raise NotEnoughStock(movement.sku, movement.quantity, self._levels[movement.sku])
        self._levels[movement.sku] = level
        self.movements.append(movement)
        log.debug("%s is now at %d", movement.sku, level)

    def receive(self, sku, quantity, day, note=""):
        self.record(Movement(sku, MovementKind.RECEIPT, quantity, day, note))

    def sell(self, sku, quantity, day, note=""):
        available = self.available(sku, day)
        if quantity > available:
            raise NotEnoughStock(sku, quantity, available)
        self.record(Movement(sku, MovementKind.SALE, quantity, day, note))

    def level(self, sku):
        self.product(sku)
        return self._levels[sku]

    def reserved(self, sku, today):
        return sum(
            reservation.quantity
            for reservation in self.reservations.values()
            if reservation.sku == sku and not reservation.expired(today)
        )

    def available(self, sku, today):
        return self.level(sku) - self.reserved(sku, today)

    def reserve(self, sku, quantity, customer, today, days=3):
        available = self.available(sku, today)
        if quantity > available:
            raise NotEnoughStock(sku, quantity, available)
        reservation = Reservation(
            id=self._next_reservation,
            sku=sku,
            quantity=quantity,
            customer=customer,
            until=today + timedelta(days=days),
        )
        self._next_reservation += 1
        self.reservations[reservation.id] = reservation
        return reservation

    def cancel(self, reservation_id):
        if reservation_id not in self.reservations:
            raise StockError(f"no reservation {reservation_id}")
        del self.reservations[reservation_id]

    def fulfil(self, reservation_id, today):
        reservation = self.reservations.get(reservation_id)
        if reservation is None:
            raise StockError(f"no reservation {reservation_id}")
        if reservation.expired(today):
            del self.reservations[reservation_id]
            raise StockError(f"reservation {reservation_id} has expired")
        del self.reservations[reservation_id]
        self.record(Movement(reservation.sku, MovementKind.SALE, reservation.quantity, today, reservation.customer))

    def purge(self, today):
        expired = [key for key, value in self.reservations.items() if value.expired(today)]
        for key in expired:
            del self.reservations[key]
        return len(expired)

    def daily_sales(self, sku, today, days=30):
        start = today - timedelta(days=days)
        sold = sum(
            movement.quantity
            for movement in self.movements
            if movement.sku == sku and movement.kind is MovementKind.SALE and start < movement.day <= today
        )
        return sold / days

    def reorder_point(self, sku, today):
        product = self.product(sku)
        return round(self.daily_sales(sku, today) * product.lead_days * SAFETY_FACTOR)

    def to_order(self, today):
        wanted = []
        for sku, product in sorted(self.products.items()):
            point = self.reorder_point(sku, today)
            available = self.available(sku, today)
            if available < point:
                wanted.append((product, point - available))
        return wanted

    def value(self):
        return sum(product.price * self._levels[sku] for sku, product in self.products.items())


def read_products(path):
    products = []
    with Path(path).open(newline="") as file:
        for row in csv.DictReader(file):
            tags = {tag.strip() for tag in row.get("tags", "").split(",") if tag.strip()}
            products.append(
                Product(
                    sku=row["sku"],
                    name=row["name"],
                    price=float(row["price"]),
                    lead_days=int(row.get("lead_days") or DEFAULT_LEAD_DAYS),
                    tags=tags,
                )
            )
    return products


def write_report(inventory, today):
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["sku", "name", "level", "available", "reorder_point"])
    for sku, product in sorted(inventory.products.items()):
        writer.writerow(
            [
                sku,
                product.name,
                inventory.level(sku),
                inventory.available(sku, today),
                inventory.reorder_point(sku, today),
            ]
        )
    return buffer.getvalue()


def save(inventory, path):
    data = {
        "products": [{**asdict(product), "tags": sorted(product.tags)} for product in inventory.products.values()],
        "movements": [
            {
                "sku": movement.sku,
                "kind": movement.kind.value,
                "quantity": movement.quantity,
                "day": movement.day.isoformat(),
                "note": movement.note,
            }
            for movement in inventory.movements
        ],
    }
    Path(path).write_text(json.dumps(data, indent=2))


def load(path):
    data = json.loads(Path(path).read_text())
    inventory = Inventory()
    for row in data["products"]:
        inventory.add_product(Product(**{**row, "tags": set(row["tags"])}))
    for row in data["movements"]:
        inventory.record(
            Movement(
                sku=row["sku"],
                kind=MovementKind(row["kind"]),
                quantity=row["quantity"],
                day=date.fromisoformat(row["day"]),
                note=row["note"],
            )
        )
    return inventory
