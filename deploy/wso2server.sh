#!/bin/sh
# The start commands of a WSO2 server, for Gatehouse. Copy this file into HOME/bin of the old installation (or link to it),
# and what its manual says works word for word, from any directory:
#
#   sh HOME/bin/wso2server.sh -Dsetup
#   sh HOME/bin/wso2server.sh -Dprofile=gateway-manager
#   sh HOME/bin/wso2server.sh start -Dprofile=gateway-worker     (stop, restart: in the background)
#
# GATEHOUSE names the program when it is not in PATH. The node's data directory is printed at its start.
set -u

self=$0
while [ -h "$self" ]; do
  link=$(readlink "$self")
  case $link in
    /*) self=$link ;;
    *) self=$(dirname "$self")/$link ;;
  esac
done
# A link in HOME/bin counts where it lies, not where it leads.
home=$(cd "$(dirname "$0")/.." 2>/dev/null && pwd -P)
if [ ! -d "$home/repository/conf" ]; then
  home=$(cd "$(dirname "$self")/.." 2>/dev/null && pwd -P)
fi
home=${CARBON_HOME:-$home}
if [ ! -d "$home/repository/conf" ]; then
  echo "wso2server.sh: $home has no repository/conf; copy this script into bin/ of the old installation, or set CARBON_HOME" >&2
  exit 3
fi

gatehouse=${GATEHOUSE:-gatehouse}
if ! command -v "$gatehouse" >/dev/null 2>&1; then
  echo "wso2server.sh: '$gatehouse' is not in PATH; set GATEHOUSE to the program" >&2
  exit 1
fi

command=run
# What is meant for the Java machine or for Carbon's own start has no counterpart; it is said and left out.
for word in "$@"; do
  shift
  case $word in
    start | --start | -start) command=start ;;
    stop | --stop | -stop) command=stop ;;
    restart | --restart | -restart) command=restart ;;
    version | --version | -version) exec "$gatehouse" version ;;
    -Dprofile=* | -DportOffset=* | -DworkerNode=* | -Dsetup) set -- "$@" "$word" ;;
    -D* | -X* | --debug | -debug | debug | --cleanRegistry)
      echo "wso2server.sh: $word has no meaning here and is left out" >&2
      ;;
    *) set -- "$@" "$word" ;;
  esac
done

pid_file=$home/wso2carbon.pid
log=$home/repository/logs/wso2carbon.log

running() {
  [ -s "$pid_file" ] && pid=$(cat "$pid_file") && kill -0 "$pid" 2>/dev/null
}

stop() {
  if ! running; then
    echo "wso2server.sh: no node of $home runs in the background"
    return
  fi
  kill -TERM "$pid"
  # It finishes the requests it has, at most timeouts.drain long.
  while kill -0 "$pid" 2>/dev/null; do
    sleep 1
  done
  rm -f "$pid_file"
  echo "wso2server.sh: stopped process $pid"
}

start() {
  if running; then
    echo "wso2server.sh: the node of $home runs already, process $pid" >&2
    exit 7
  fi
  mkdir -p "$home/repository/logs"
  nohup "$gatehouse" run --wso2-home "$home" "$@" >>"$log" 2>&1 </dev/null &
  echo $! >"$pid_file"
  echo "wso2server.sh: started process $!, log in $log"
}

case $command in
  start) start "$@" ;;
  stop) stop ;;
  restart)
    stop
    start "$@"
    ;;
  *) exec "$gatehouse" run --wso2-home "$home" "$@" ;;
esac
