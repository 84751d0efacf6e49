/** One question that is asked again and again. */
export interface Poll {
  /** Asks, unless the last answer is still on its way. */
  tick: () => void;
  /** Asks, whatever is on its way: its answer may be of before, and is not told. */
  now: () => void;
  /** No answer is told any more. */
  close: () => void;
}

/** `answered` and `failed` are told of the question that was asked last, however long it takes. */
export function createPoll<T>(
  ask: () => Promise<T>,
  { answered, failed }: { answered: (answer: T) => void; failed: (error: unknown) => void },
): Poll {
  let last = 0;
  let isOut = false;
  const now = (): void => {
    const mine = (last += 1);
    isOut = true;
    const ended = (tell: () => void): void => {
      if (last !== mine) return;
      isOut = false;
      tell();
    };
    ask().then(
      (answer) => ended(() => answered(answer)),
      (error: unknown) => ended(() => failed(error)),
    );
  };
  return {
    now,
    tick: () => {
      if (!isOut) now();
    },
    close: () => {
      last += 1;
      isOut = false;
    },
  };
}
