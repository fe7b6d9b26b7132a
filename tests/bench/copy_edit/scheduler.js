'use strict';

const DAY = 24 * 60 * 60 * 1000;

const State = Object.freeze({
  WAITING: 'waiting',
  RUNNING: 'running',
  DONE: 'done',
  FAILED: 'failed',
});

class TaskError extends Error {
  constructor(task, cause) {
    super(`task ${task} failed: ${cause.message}`);
    this.name = 'TaskError';
    this.task = task;
    this.cause = cause;
  }
}

function parseInterval(text) {
  const match = /^(\d+)\s*(s|m|h|d)$/.exec(text.trim());
  if (!match) {
    throw new RangeError(`not an interval: ${text}`);
  }
  const units = { s: 1000, m: 60 * 1000, h: 60 * 60 * 1000, d: DAY };
  return Number(match[1]) * units[match[2]];
}

function backoff(attempt, base = 1000, most = 60 * 1000) {
  return Math.min(base * 2 ** attempt, most);
}

class Task {
  constructor(name, run, options = {}) {
    this.name = name;
    this.run = run;
    this.interval = options.interval ? parseInterval(options.interval) : 0;
    this.retries = options.retries ?? 3;
    this.dependsOn = options.dependsOn ?? [];
    this.state = State.WAITING;
    this.attempt = 0;
    this.next = 0;
    this.lastError = null;
  }

  isDue(now) {
    return this.state === State.WAITING && this.next <= now;
  }

  succeed(now) {
    this.attempt = 0;
    this.lastError = null;
    if (this.interval > 0) {
      this.state = State.WAITING;
      this.next = now + this.interval;
    } else {
      this.state = State.DONE;
    }
  }

  fail(now, error) {
    this.attempt += 1;
    this.lastError = error;
    if (this.attempt > this.retries) {
      this.state = State.FAILED;
    } else {
      this.state = State.WAITING;
      this.next = now + backoff(this.attempt);
    }
  }
}

class Scheduler {
  constructor({ clock = Date.now, concurrency = 4, logger = console } = {}) {
    this.clock = clock;
    this.concurrency = concurrency;
    this.logger = logger;
    this.tasks = new Map();
    this.running = new Set();
  }

  add(name, run, options) {
    if (this.tasks.has(name)) {
      throw new Error(`there is a task ${name} already`);
    }
    const task = new Task(name, run, options);
    for (const dependency of task.dependsOn) {
      if (!this.tasks.has(dependency)) {
        throw new Error(`${name} depends on ${dependency}, which is unknown`);
      }
    }
    this.tasks.set(name, task);
    return task;
  }

  remove(name) {
    const needed = [...this.tasks.values()].filter((task) => task.dependsOn.includes(name));
    if (needed.length > 0) {
      throw new Error(`${name} is needed by ${needed.map((task) => task.name).join(', ')}`);
    }
    return this.tasks.delete(name);
  }

  isReady(task) {
    return task.dependsOn.every((name) => this.tasks.get(name).state === State.DONE);
  }

  due() {
    const now = this.clock();
    return [...this.tasks.values()]
      .filter((task) => task.isDue(now) && this.isReady(task))
      .sort((a, b) => a.next - b.next);
  }

  async runOne(task) {
    task.state = State.RUNNING;
    this.running.add(task);
    try {
      await task.run({ attempt: task.attempt, now: this.clock() });
      task.succeed(this.clock());
      this.logger.info(`${task.name}: done`);
    } catch (error) {
      task.fail(this.clock(), error);
      this.logger.warn(`${task.name}: ${error.message}`);
      if (task.state === State.FAILED) {
        throw new TaskError(task.name, error);
      }
    } finally {
      this.running.delete(task);
    }
  }

  async tick() {
    const free = this.concurrency - this.running.size;
    const batch = this.due().slice(0, Math.max(free, 0));
    const results = await Promise.allSettled(batch.map((task) => this.runOne(task)));
    return results.filter((result) => result.status === 'rejected').map((result) => result.reason);
  }

  async drain(limit = 1000) {
    const errors = [];
    for (let round = 0; round < limit; round += 1) {
      if (this.due().length === 0) {
        break;
      }
      errors.push(...(await this.tick()));
    }
    return errors;
  }

  summary() {
    const counts = { waiting: 0, running: 0, done: 0, failed: 0 };
    for (const task of this.tasks.values()) {
      counts[task.state] += 1;
    }
    return counts;
  }

  order() {
    const sorted = [];
    const seen = new Set();
    const visit = (name) => {
      if (seen.has(name)) {
        return;
      }
      seen.add(name);
      for (const dependency of this.tasks.get(name).dependsOn) {
        visit(dependency);
      }
      sorted.push(name);
    };
    for (const name of this.tasks.keys()) {
      visit(name);
    }
    return sorted;
  }
}

module.exports = { Scheduler, State, Task, TaskError, backoff, parseInterval };
