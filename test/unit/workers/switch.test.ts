import { describe, expect, it, vi } from 'vitest';
import { WorkerSwitch } from '../../../src/workers/switch.js';

/** A worker whose starts and stops last until the test lets them end. */
class Rig {
  readonly log: string[] = [];
  readonly errors: unknown[] = [];
  readonly #waiting: { end: () => void; fail: (error: Error) => void }[] = [];
  readonly switch = new WorkerSwitch(
    async () => {
      await this.#step('start');
      return { stop: () => this.#step('stop') };
    },
    (error) => this.errors.push(error),
  );

  async #step(name: string): Promise<void> {
    this.log.push(name);
    await new Promise<void>((end, fail) => this.#waiting.push({ end, fail }));
    this.log.push(`${name} done`);
  }

  /** Lets the one change that goes on end, or fail. */
  async next(error?: Error): Promise<void> {
    await vi.waitFor(() => expect(this.#waiting).toHaveLength(1));
    const [step] = this.#waiting.splice(0);
    if (error) step?.fail(error);
    else step?.end();
    await settled();
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the switch of a worker', () => {
  it('starts it when it is wanted and stops it when it is not, once for however many equal wishes', async () => {
    const rig = new Rig();
    for (const wanted of [true, true]) rig.switch.set(wanted);
    await rig.next();
    rig.switch.set(true);
    for (const wanted of [false, false]) rig.switch.set(wanted);
    await rig.next();
    expect(rig.log).toEqual(['start', 'start done', 'stop', 'stop done']);
  });

  it('makes one change after the other, and the last wish wins', async () => {
    const rig = new Rig();
    rig.switch.set(true);
    for (const wanted of [false, true, false]) rig.switch.set(wanted);
    await settled();
    expect(rig.log).toEqual(['start']);
    await rig.next();
    expect(rig.log).toEqual(['start', 'start done', 'stop']);
    for (const wanted of [true, false, true]) rig.switch.set(wanted);
    await rig.next();
    await rig.next();
    expect(rig.log).toEqual(['start', 'start done', 'stop', 'stop done', 'start', 'start done']);
  });

  it('does nothing for a wish that is taken back while another change goes on', async () => {
    const rig = new Rig();
    rig.switch.set(true);
    for (const wanted of [false, true]) rig.switch.set(wanted);
    await rig.next();
    expect(rig.log).toEqual(['start', 'start done']);
  });

  it('tells an error, and tries again with the next wish', async () => {
    const rig = new Rig();
    rig.switch.set(true);
    await rig.next(new Error('no server'));
    expect(rig.errors).toEqual([new Error('no server')]);
    rig.switch.set(true);
    await rig.next();
    expect(rig.log).toEqual(['start', 'start', 'start done']);
  });

  it('is closed once what it ran has ended, also in the middle of a start', async () => {
    const rig = new Rig();
    rig.switch.set(true);
    let isClosed = false;
    const closed = rig.switch.close().then(() => (isClosed = true));
    await rig.next();
    expect(isClosed).toBe(false);
    await rig.next();
    await closed;
    expect(rig.log).toEqual(['start', 'start done', 'stop', 'stop done']);
  });

  it('stays closed, whatever is wished meanwhile or later', async () => {
    const rig = new Rig();
    rig.switch.set(true);
    await rig.next();
    const closed = rig.switch.close();
    rig.switch.set(true);
    await rig.next();
    await closed;
    rig.switch.set(true);
    await settled();
    expect(rig.log).toEqual(['start', 'start done', 'stop', 'stop done']);
  });

  it('is closed at once where nothing runs', async () => {
    const rig = new Rig();
    await rig.switch.close();
    expect([rig.log, rig.errors]).toEqual([[], []]);
  });
});
