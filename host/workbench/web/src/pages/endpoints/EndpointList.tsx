import { Link } from '@tanstack/react-router'

import type { Step } from '../../api/types.ts'
import { groupBy } from '../../group.ts'
import { EmptyState, MethodBadge, SearchInput } from '../../ui/index.ts'
import styles from './endpoints.module.css'

interface EndpointListProps {
  steps: Step[]
  search: string
  onSearch: (search: string) => void
  selected: string | undefined
}

/** All endpoints by flow; one that is in several flows is under its first. */
export function EndpointList({ steps, search, onSearch, selected }: EndpointListProps) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  const matches = (step: Step) => {
    const text = `${step.method} ${step.path} ${step.name} ${step.description ?? ''} ${step.flows.join(' ')}`.toLowerCase()
    return words.every((word) => text.includes(word))
  }
  const groups = groupBy(steps.filter(matches), (step) => step.flows[0] ?? 'Without a flow')
  return (
    <div className={styles.list}>
      <div className={styles.listSearch}>
        <SearchInput onChange={onSearch} placeholder="Search endpoints" value={search} />
      </div>
      <nav aria-label="Endpoints" className={styles.links}>
        {[...groups].sort(([one], [other]) => one.localeCompare(other)).map(([flow, members]) => (
          <section key={flow}>
            <h2>{flow}</h2>
            {members.map((step) => (
              <Link
                aria-current={step.name === selected ? 'page' : undefined}
                className={styles.link}
                key={step.name}
                search={(old) => ({ ...old, step: step.name })}
                title={`${step.name}${step.description ? `: ${step.description}` : ''}`}
                to="/endpoints"
              >
                <MethodBadge method={step.method ?? ''} />
                <code>{step.path}</code>
              </Link>
            ))}
          </section>
        ))}
        {groups.size === 0 && <EmptyState hint="Other words, or fewer, find more." icon="search" title="No endpoint has these words" />}
      </nav>
    </div>
  )
}
