const budget = 8; // ms of a frame that may go into drawing

const waiting = new Set<() => void>();
let asked = false;

/** Has job run in a frame soon, a few of many at a time: a page with many charts stays alive under the hand. */
export function paint(job: () => void): void {
  waiting.add(job);
  if (asked) return;
  asked = true;
  requestAnimationFrame(run);
}

/** Takes back a job that has not run. */
export function unpaint(job: () => void): void {
  waiting.delete(job);
}

function run(): void {
  const end = performance.now() + budget;
  for (const job of waiting) {
    waiting.delete(job);
    job();
    if (performance.now() >= end) break;
  }
  asked = waiting.size > 0;
  if (asked) requestAnimationFrame(run);
}
