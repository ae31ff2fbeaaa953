#!/bin/sh
# Ends the demo's process groups when the demo itself is gone, also after kill -9. Its input is a pipe that only the
# demo holds: lines "+ <group>" and "- <group>" keep the list, "! <file>" names a script for what lives elsewhere,
# and the end of input means that the demo has died. A shell, so that whatever kills every node process misses it.
groups=''
farewell=''
trap '' HUP INT TERM PIPE
while read -r sign argument; do
  case $sign in
    +) groups="$groups $argument" ;;
    -)
      rest=''
      for group in $groups; do
        [ "$group" = "$argument" ] || rest="$rest $group"
      done
      groups=$rest
      ;;
    !) farewell=$argument ;;
  esac
done
# shellcheck disable=SC2086 # the list is split on purpose
for group in $groups; do kill -s TERM -- "-$group" 2>/dev/null; done
[ -n "$groups" ] && sleep 0.3
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
[ -n "$farewell" ] && sh "$farewell"
exit 0
