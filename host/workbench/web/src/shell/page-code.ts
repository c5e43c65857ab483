import { toast } from '../ui/index.ts'

/** The host did not send a page's code: it does not answer, or it is another version than the one this tab was loaded from. */
export class PageNotLoaded extends Error {
  constructor() {
    super('The host did not send this page. It is shown as soon as the host answers.')
    this.name = 'PageNotLoaded'
  }
}

/** The code of a page, as it comes from the host. */
export const fromHost = <Module>(page: Promise<Module>): Promise<Module> =>
  page.catch(() => {
    throw new PageNotLoaded()
  })

const KEY = 'motia.reloadedAt'
const AGAIN_MS = 10_000

/** Loads the Workbench anew, if the host answers: otherwise the browser's own error would take its place. */
export async function reload(): Promise<void> {
  const answer = await fetch(document.baseURI, { cache: 'no-store' }).catch(() => null)
  if (answer?.ok) location.reload()
  else toast('The host does not answer. Is it running?', 'danger')
}

/** Does so by itself, but not again and again if that does not help. */
export function reloadOnce(): void {
  if (Date.now() - Number(sessionStorage.getItem(KEY)) < AGAIN_MS) return
  sessionStorage.setItem(KEY, String(Date.now()))
  void reload()
}
