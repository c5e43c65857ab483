import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'

import { queries } from '../api/queries.ts'
import type { Figures, Plugin } from '../api/types.ts'
import { classes, formatCount, Icon } from '../ui/index.ts'
import { type Destination, groups } from './navigation.ts'
import styles from './Sidebar.module.css'

/** The pages; on small screens a drawer. */
export function Sidebar({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { data: figures } = useQuery(queries.figures())
  const { data: plugins } = useQuery(queries.plugins())
  return (
    <>
      {open && <button aria-label="Close the menu" className={styles.backdrop} onClick={onClose} type="button" />}
      <nav
        aria-label="Pages"
        className={classes(styles.sidebar, open && styles.open)}
        onKeyDown={(event) => event.key === 'Escape' && onClose()}
      >
        {groups.map((group) => (
          <section className={styles.group} key={group.title}>
            <h2>{group.title}</h2>
            {group.pages.map((page) => (
              <Link className={styles.link} key={page.to} onClick={onClose} to={page.to}>
                <Icon name={page.icon} />
                <span className={styles.title}>{page.title}</span>
                {figures && <PageCount figures={figures} page={page} />}
              </Link>
            ))}
          </section>
        ))}
        {plugins && plugins.length > 0 && (
          <section className={styles.group}>
            <h2>Plugins</h2>
            {plugins.map((plugin) => (
              <Link className={styles.link} key={plugin.name} onClick={onClose} params={{ plugin: plugin.name }} to="/plugins/$plugin">
                <PluginIcon plugin={plugin} />
                <span className={styles.title}>{plugin.title}</span>
              </Link>
            ))}
          </section>
        )}
      </nav>
    </>
  )
}

/** A plugin's own icon, if it has one that loads. */
function PluginIcon({ plugin }: { plugin: Plugin }) {
  const [broken, setBroken] = useState<string>()
  const { icon } = plugin
  if (icon === null || icon === broken) return <Icon name="plug" />
  return <img alt="" className={styles.icon} onError={() => setBroken(icon)} src={icon} />
}

/** What a page has that wants to be known without opening it. */
function PageCount({ page, figures }: { page: Destination; figures: Figures }) {
  const steps = Object.values(figures.steps)
  const sum = (of: (step: (typeof steps)[number]) => number) => steps.reduce((total, step) => total + of(step), 0)
  if (page.to === '/dead-letters') return <Pill meaning="dead letters" n={sum((step) => step.queue?.dead ?? 0)} tone={styles.danger} />
  if (page.to === '/runs') return <Pill meaning="running" n={sum((step) => step.running)} tone={styles.info} />
  if (page.to === '/queues') return <Pill meaning="ready" n={sum((step) => step.queue?.ready ?? 0)} />
  return null
}

function Pill({ n, meaning, tone }: { n: number; meaning: string; tone?: string }) {
  if (n === 0) return null
  return (
    <span className={classes(styles.count, tone)} title={`${n} ${meaning}`}>
      {formatCount(n)}
    </span>
  )
}
