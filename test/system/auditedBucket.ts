/** The bucket that the stack audits by schedule; auditSchedule.test.ts makes it. Here, so that a test loads no stack. */
export const AUDITED_BUCKET = 'audited-by-schedule';
