/** The site that is watched. */
export const url = process.env.UPTIME_URL

/** The last check of the site; `status` is null where there was no answer. */
export type Check = { url: string; status: number | null; ok: boolean; ms: number; checkedAt: string; count: number }

/** The last time that the site's status changed. */
export type Change = { url: string; from: number | null; to: number | null; at: string }
