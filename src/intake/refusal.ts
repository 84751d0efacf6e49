/** Kinds of refusals, as they are counted, and the status of each. */
const STATUS = {
  invalid: 400,
  incomplete: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  too_large: 413,
  unsupported: 415,
  hopeless: 422,
  dead: 422,
  reused: 422,
  busy: 429,
  failed: 500,
  stopped: 503,
  no_detector: 503,
  unavailable: 503,
  storage: 503,
  late: 504,
} as const;

/** Why a request is not done. */
export type RefusalKind = keyof typeof STATUS;

/** What the sender is told beside the sentence. */
interface Told {
  /** Code for programs. Default: the kind. */
  error?: string;
  /** Seconds after which to ask again; at least 1. */
  retryAfterS?: number;
  workflowId?: string;
  /** `gs://bucket/object#generation` of a body that is stored already: to ask by next time. */
  image?: string;
}

/** Ends a request with its status and a sentence. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly status: number;

  constructor(
    readonly kind: RefusalKind,
    message: string,
    readonly told: Told = {},
  ) {
    super(message);
    this.status = STATUS[kind];
  }
}
