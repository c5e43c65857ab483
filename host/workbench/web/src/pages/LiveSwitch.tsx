import { useLiveState } from '../api/live.ts'
import { Button, StatusBadge, useHotkey } from '../ui/index.ts'

interface Props {
  paused: boolean
  onChange: (paused: boolean) => void
}

/** Whether new rows come by themselves. */
export function LiveSwitch({ paused, onChange }: Props) {
  const state = useLiveState()
  const toggle = () => onChange(!paused)
  useHotkey('p', toggle, paused ? 'Go on live' : 'Pause')
  return (
    <>
      <StatusBadge label={paused ? 'Paused' : state === 'live' ? 'Live' : state === 'lost' ? 'Reconnecting' : 'Connecting'} status={paused ? 'paused' : state} />
      <Button aria-pressed={paused} icon={paused ? 'play' : 'pause'} onClick={toggle}>
        {paused ? 'Go on' : 'Pause'}
      </Button>
    </>
  )
}
