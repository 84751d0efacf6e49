import { setTimeout as sleep } from 'node:timers/promises';
import type { BrokerProxy } from '../system/brokerProxy.js';
import { kill, takeAway, type Server } from '../system/outage.js';
import type { Fault, Plan } from './plan.js';

/** Makes the faults of a plan when they are due, one after the other, and says what it did. */
export class Faults {
  readonly made: { atS: number; fault: string }[] = [];
  readonly #brings = new Set<() => void>();

  constructor(private readonly proxy: BrokerProxy) {}

  /** Resolves when the last one is over. */
  async run(faults: Plan['faults'], beganMs: number): Promise<void> {
    for (const { atMs, fault } of faults) {
      await sleep(Math.max(0, beganMs + atMs - performance.now()));
      this.made.push({ atS: Math.round((performance.now() - beganMs) / 1_000), fault: describe(fault) });
      await this.#make(fault);
    }
  }

  /** Nothing is left hung, slow or shut. */
  end(): void {
    for (const bring of this.#brings) bring();
    this.#brings.clear();
    this.proxy.slow(0);
    this.proxy.dropProduceAnswers(0);
  }

  async #make(fault: Fault): Promise<void> {
    switch (fault.kind) {
      case 'kill':
        await kill(fault.name);
        return;
      case 'hang': {
        const bring = await takeAway(fault.name as Server, 'hung');
        this.#brings.add(bring);
        await sleep(fault.forMs);
        bring();
        this.#brings.delete(bring);
        return;
      }
      case 'dropAnswers':
        this.proxy.dropProduceAnswers(fault.count);
        return;
      case 'slowBroker':
        this.proxy.slow(fault.delayMs);
        await sleep(fault.forMs);
        this.proxy.slow(0);
        return;
      case 'cutBroker':
        await this.proxy.shut();
        await sleep(fault.forMs);
        await this.proxy.open();
    }
  }
}

export function describe(fault: Fault): string {
  switch (fault.kind) {
    case 'kill':
      return `kill -9 of ${fault.name}`;
    case 'hang':
      return `${fault.name} hangs for ${fault.forMs} ms`;
    case 'dropAnswers':
      return `${fault.count} answers to produce requests dropped`;
    case 'slowBroker':
      return `answers of the broker ${fault.delayMs} ms late for ${fault.forMs} ms`;
    case 'cutBroker':
      return `connections to the broker cut for ${fault.forMs} ms`;
  }
}
