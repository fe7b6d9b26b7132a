'use strict';

const TAX_RATES = {
  standard: 0.2,
  reduced: 0.05,
  zero: 0,
};

class CartError extends Error {
  constructor(message, code) {
    super(message);
    this.name = 'CartError';
    this.code = code;
  }
}

function roundCents(value) {
  return Math.round(value * 100) / 100;
}

function assertQuantity(quantity) {
  if (!Number.isInteger(quantity) || quantity < 1) {
    throw new CartError(`invalid quantity: ${quantity}`, 'QUANTITY');
  }
}

class Item {
  constructor(sku, name, price, rate = 'standard') {
    if (!(rate in TAX_RATES)) {
      throw new CartError(`unknown tax rate: ${rate}`, 'RATE');
    }
    this.sku = sku;
    this.name = name;
    this.price = price;
    this.rate = rate;
  }

  tax() {
    return roundCents(this.price * TAX_RATES[this.rate]);
  }
}

class Cart {
  constructor() {
    this.lines = new Map();
    this.coupons = [];
    this.listeners = [];
  }

  onChange(listener) {
    this.listeners.push(listener);
    return () => {
      this.listeners = this.listeners.filter((other) => other !== listener);
    };
  }

  notify(event) {
    for (const listener of this.listeners) {
      listener(event, this);
    }
  }

  add(item, quantity = 1) {
    assertQuantity(quantity);
    const line = this.lines.get(item.sku);
    if (line) {
      line.quantity += quantity;
    } else {
      this.lines.set(item.sku, { item, quantity });
    }
    this.notify('add');
  }

  remove(sku, quantity) {
    const line = this.lines.get(sku);
    if (!line) {
      throw new CartError(`not in the cart: ${sku}`, 'MISSING');
    }
    if (quantity === undefined || quantity >= line.quantity) {
      this.lines.delete(sku);
    } else {
      assertQuantity(quantity);
      line.quantity -= quantity;
    }
    this.notify('remove');
  }

  applyCoupon(coupon) {
    if (this.coupons.some((other) => other.code === coupon.code)) {
      throw new CartError(`already used: ${coupon.code}`, 'COUPON');
    }
    this.coupons.push(coupon);
    this.notify('coupon');
  }

  count() {
    let total = 0;
    for (const line of this.lines.values()) {
      total += line.quantity;
    }
    return total;
  }

  subtotal() {
    let total = 0;
    for (const { item, quantity } of this.lines.values()) {
      total += item.price * quantity;
    }
    return roundCents(total);
  }

  tax() {
    let total = 0;
    for (const { item, quantity } of this.lines.values()) {
      total += item.tax() * quantity;
    }
    return roundCents(total);
  }

  discount() {
    const subtotal = this.subtotal();
    let total = 0;
    for (const coupon of this.coupons) {
      if (coupon.percent) {
        total += subtotal * (coupon.percent / 100);
      } else {
        total += coupon.amount;
      }
    }
    return roundCents(Math.min(total, subtotal));
  }

  total() {
    return roundCents(this.subtotal() - this.discount() + this.tax());
  }

  toJSON() {
    return {
      lines: [...this.lines.values()].map(({ item, quantity }) => ({
        sku: item.sku,
        name: item.name,
        price: item.price,
        quantity,
      })),
      subtotal: this.subtotal(),
      discount: this.discount(),
      tax: this.tax(),
      total: this.total(),
    };
  }
}

module.exports = { Cart, CartError, Item, TAX_RATES, roundCents };
