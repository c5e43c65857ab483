/** How long a row that has changed is marked. */
export const MARKED_MS = 1_500

/** Notices which rows change between one look and the next. */
export class Changes {
  #seen = new Map<string, { mark: number | string; at: number }>()

  /** Another look at rows; `mark` is something of a row that changes with it. Rows seen for the first time have not changed. */
  look(rows: { id: string; mark: number | string }[], now: number): void {
    for (const { id, mark } of rows) {
      const before = this.#seen.get(id)
      if (before?.mark !== mark) this.#seen.set(id, { mark, at: before ? now : -Infinity })
    }
  }

  isFresh(id: string, now: number): boolean {
    return now - (this.#seen.get(id)?.at ?? -Infinity) < MARKED_MS
  }
}
