import { Button, StatusBadge, useHotkey } from '../ui/index.ts'

interface Props {
  paused: boolean
  onChange: (paused: boolean) => void
}

/** Whether new rows come by themselves; how the connection is stands in the header of the Workbench. */
export function LiveSwitch({ paused, onChange }: Props) {
  const toggle = () => onChange(!paused)
  useHotkey('p', toggle, paused ? 'Go on live' : 'Pause')
  return (
    <>
      {paused && <StatusBadge status="paused" />}
      <Button aria-pressed={paused} icon={paused ? 'play' : 'pause'} onClick={toggle} variant={paused ? 'primary' : 'secondary'}>
        {paused ? 'Go on' : 'Pause'}
      </Button>
    </>
  )
}
