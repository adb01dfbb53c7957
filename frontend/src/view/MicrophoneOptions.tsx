export function MicrophoneOptions({ microphones, prefix = "" }: MicrophoneOptionsProps) {
  return microphones.map(({ deviceId, label }) => (
    <option key={deviceId} value={prefix + deviceId}>
      {label}
    </option>
  ));
}

interface MicrophoneOptionsProps {
  microphones: readonly MediaDeviceInfo[];
  prefix?: string;
}
