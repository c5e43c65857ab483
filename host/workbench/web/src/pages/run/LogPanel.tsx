import type { Log } from '../../api/types.ts'
import { CopyButton, JsonView, SidePanel, Time } from '../../ui/index.ts'
import details from '../details.module.css'

/** A log record, whole. */
export function LogPanel({ log, onClose }: { log: Log | undefined; onClose: () => void }) {
  return (
    <SidePanel
      actions={log && <CopyButton label="Copy the record" text={() => JSON.stringify(log, null, 2)} />}
      onClose={onClose}
      open={log !== undefined}
      title={log && `Logged: ${log.level}`}
    >
      {log && (
        <div className={details.panel}>
          <dl className={details.facts}>
            <dt>Logged</dt>
            <dd>
              <Time at={log.at} />
            </dd>
            <dt>Step</dt>
            <dd>{log.step}</dd>
          </dl>
          <section>
            <h3>Message</h3>
            <pre>{log.message}</pre>
          </section>
          {log.args !== null && (
            <section>
              <h3>Logged with it</h3>
              <JsonView value={log.args} />
            </section>
          )}
        </div>
      )}
    </SidePanel>
  )
}
