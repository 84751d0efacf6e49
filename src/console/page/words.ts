/** Numbers and times as a person reads them. */

/** `1,234`, `12.3` */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined) return 'unknown';
  return value.toLocaleString('en', { maximumFractionDigits: Math.abs(value) < 100 ? 1 : 0 });
}

/** `42 s`, `3 min 20 s`, `2 h 5 min` */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return 'unknown';
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** Local time, with its date where that is not today. */
export function time(iso: string | null | undefined): string {
  if (!iso) return '';
  const at = new Date(iso);
  const clock = at.toLocaleTimeString('en-GB');
  return at.toDateString() === new Date().toDateString() ? clock : `${at.toLocaleDateString('en-CA')} ${clock}`;
}

/** `12 NOT_FOUND, 3 POISON` */
export function counts(of: Readonly<Record<string, number>> | null | undefined): string {
  if (of === null || of === undefined) return 'unknown';
  return (
    Object.entries(of)
      .map(([reason, many]) => `${many} ${reason}`)
      .join(', ') || '0'
  );
}

/** `1 detector`, `2 detectors` */
export function many(count: number, of: string): string {
  return `${number(count)} ${of}${count === 1 ? '' : 's'}`;
}

/** `12.3 /s`, or that it is not known. */
export function perSecond(value: number | null | undefined): string {
  return value === null || value === undefined ? 'unknown' : `${number(value)} /s`;
}
