# A hook of tooltrail, version 1, written by `tooltrail hook install bash`: changes here are lost.
# bash reads it from ~/.bashrc, or through BASH_ENV. What it tells goes through a FIFO, never
# through a file, to a recorder process, which takes out secrets before anything is on disk.

_tooltrail_tell() {
    # Opened for reading too, it neither waits for a reader nor brings SIGPIPE.
    [[ -p $_tooltrail_fifo ]] && builtin printf '%s\0' "$@" 1<>"$_tooltrail_fifo"
}

_tooltrail_debug() {
    local _tooltrail_status=$? _tooltrail_at=${EPOCHREALTIME/[.,]/} IFS=' '
    [[ $BASHPID == "$$" ]] || return 0 # functrace, in a subshell
    local _tooltrail_kind=D _tooltrail_line=${BASH_COMMAND:0:16000}
    case $_tooltrail_line in
    _tooltrail_prompt) _tooltrail_kind=P ;;
    *_tooltrail_*) return 0 ;;
    "for "* | "case "* | "select "* | "(("*) _tooltrail_kind=N ;;
    esac
    [[ $_tooltrail_kind == P || $_tooltrail_at_prompt == 0 ]] || return 0
    _tooltrail_boundary "${@:1:$#-1}"
}

_tooltrail_boundary() {
    # A child that is new since the last boundary, and no `$!`: the command before is one end of a
    # pipeline whose next element is about to start.
    local _tooltrail_now='' _tooltrail_child _tooltrail_piped=0
    read -r _tooltrail_now <"/proc/$$/task/$$/children"
    for _tooltrail_child in $_tooltrail_now; do
        [[ " $_tooltrail_children " == *" $_tooltrail_child "* ]] || _tooltrail_piped=1
    done
    _tooltrail_children=$_tooltrail_now
    local _tooltrail_call=$_tooltrail_id
    case $_tooltrail_kind in
    D) _tooltrail_call=req_0$_tooltrail_at$_tooltrail_salt ;;
    P) _tooltrail_at_prompt=1 ;;
    esac
    _tooltrail_tell "$_tooltrail_kind" "$_tooltrail_at" "$_tooltrail_call" "$PWD" \
        "${!-}/$_tooltrail_piped" "$_tooltrail_status" "$*" "$_tooltrail_line"
    export TOOL_PARENT_REQUEST_ID=$_tooltrail_call
    return 0
}

_tooltrail_exit() {
    local _tooltrail_status=$? _tooltrail_at=${EPOCHREALTIME/[.,]/} IFS=' '
    local _tooltrail_kind=X _tooltrail_line=''
    [[ $BASHPID != "$$" ]] || _tooltrail_boundary "$@"
}

_tooltrail_prompt() { return "$?"; }

_tooltrail_start() {
    [[ ${TOOLTRAIL_SHELL-} != off && -x @PYTHON@ ]] || return 0
    [[ -r /proc/$$/task/$$/children ]] || return 0
    [[ -z $(trap -p DEBUG) ]] || return 0 # somebody else's: it stays
    [[ -d @SPOOL@ ]] || (umask 077 && command mkdir -p -- @SPOOL@) || return 0
    [[ -O @SPOOL@ ]] || return 0
    local now=${EPOCHREALTIME/[.,]/}
    builtin printf -v _tooltrail_salt '%09d' $((${SRANDOM:-$$$RANDOM} % 1000000000))
    _tooltrail_id=req_0$now$_tooltrail_salt
    _tooltrail_fifo=@SPOOL@/bash-$$-$now
    command mkfifo -m 600 -- "$_tooltrail_fifo" || return 0
    [[ -n ${TOOL_TRACE_ID-}${TRACEPARENT-}${CLAUDE_CODE_SESSION_ID-}${CODEX_THREAD_ID-} ]] ||
        [[ -n ${COPILOT_AGENT_SESSION_ID-} ]] || export TOOL_TRACE_ID=bash-$_tooltrail_id
    # In a subshell, so that neither `wait`, `jobs` nor `$!` knows of it.
    (
        exec <>"$_tooltrail_fifo" >/dev/null
        cd /
        trap '' HUP INT QUIT TERM TSTP
        unset BASH_ENV
        @PYTHON@ -E -P -m tooltrail.shells.recorder bash "$$" "$_tooltrail_fifo" <&0 & # `&` alone would empty stdin
    )
    local interactive=''
    [[ $- != *i* ]] || interactive=i
    _tooltrail_tell S "$now" "$_tooltrail_id" "$PWD" "$interactive" "$0" \
        "${BASH_EXECUTION_STRING:0:16000}" ''
    _tooltrail_at_prompt=0 _tooltrail_children=''
    if [[ -n $interactive ]]; then
        _tooltrail_at_prompt=1 # until a line is typed
        PS0=${PS0-}'${_tooltrail_none:$((_tooltrail_at_prompt = 0)):0}'
        if ((BASH_VERSINFO[0] > 5 || BASH_VERSINFO[1] >= 1)); then
            PROMPT_COMMAND=(_tooltrail_prompt ${PROMPT_COMMAND[@]+"${PROMPT_COMMAND[@]}"})
        else
            PROMPT_COMMAND="_tooltrail_prompt${PROMPT_COMMAND:+; $PROMPT_COMMAND}"
        fi
    fi
    export TOOL_PARENT_REQUEST_ID=$_tooltrail_id
    _tooltrail_shell=$$
}

if [[ -n ${TOOLTRAIL_BASH_ENV-} && $- != *i* && -r $TOOLTRAIL_BASH_ENV ]]; then
    . "$TOOLTRAIL_BASH_ENV" # what BASH_ENV named before
fi
if [[ -n ${BASH_VERSINFO-} && ${_tooltrail_shell-} != "$$" ]] && ((BASH_VERSINFO[0] >= 5)); then
    _tooltrail_none=''
    { _tooltrail_start; } 2>/dev/null || :
    if [[ ${_tooltrail_shell-} == "$$" ]]; then
        [[ -n $(trap -p EXIT) ]] || trap '{ _tooltrail_exit "${PIPESTATUS[@]}" || :; } 2>/dev/null' EXIT
        trap '{ _tooltrail_debug "${PIPESTATUS[@]}" "$_" || :; } 2>/dev/null' DEBUG
    fi
fi
