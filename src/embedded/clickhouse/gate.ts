/** Lets `slots` calls run at once; the others wait their turn. Who calls bounds how many may wait. */
export function createGate(slots: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const queue: (() => void)[] = [];
  return async (work) => {
    if (running >= slots) await new Promise<void>((resolve) => queue.push(resolve));
    else running += 1;
    try {
      return await work();
    } finally {
      // The slot passes to the next in line; it is free only when nobody waits.
      const next = queue.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
