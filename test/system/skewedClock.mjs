// Loaded before a role (NODE_OPTIONS=--import): its wall clock is off by TEST_CLOCK_SKEW_MS. The monotonic one is not.
const skewMs = Number(process.env.TEST_CLOCK_SKEW_MS ?? 0);
const TrueDate = Date;

globalThis.Date = class extends TrueDate {
  constructor(...values) {
    if (values.length === 0) super(TrueDate.now() + skewMs);
    else super(...values);
  }

  static now() {
    return TrueDate.now() + skewMs;
  }
};
