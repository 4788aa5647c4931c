# A hook of tooltrail, version 1, written by `tooltrail hook install bash`: changes here are lost.
# bash reads it from ~/.bashrc, or through BASH_ENV. What it tells goes through a FIFO, never
# through a file, to a recorder process, which takes out secrets before anything is on disk.

_tooltrail_tell() {
    # Opened for reading too, it neither waits for a reader nor brings SIGPIPE.
    [[ -p $_tooltrail_fifo ]] && builtin printf '%s\0' "$@" 1<>"$_tooltrail_fifo"
}

_tooltrail_debug() {
    local _tooltrail_status=$?
    # Where nothing is waited for, loops and arithmetic are not told of, and of the shell's own
    # work only the first of it: the rest is counted.
    if ((!_tooltrail_open && _tooltrail_at_prompt == 0)); then
        case $BASH_COMMAND in
        "(("* | "for "* | "case "*) return 0 ;;
        *[\<\>]\(*) ;;
        : | true | false | "echo "* | "printf "* | "[ "* | "[[ "* | ": "* | "read "* | "test "* | \
            "let "* | "local "* | shift | continue | break | echo | "declare "* | "unset "*)
            if ((_tooltrail_own >= 50)); then
                [[ $BASHPID != "$$" ]] || ((++_tooltrail_counted))
                return 0
            fi
            ;;
        esac
    fi
    local _tooltrail_at=${EPOCHREALTIME/[.,]/} IFS=' '
    [[ $BASHPID == "$$" ]] || return 0 # functrace, in a subshell
    local _tooltrail_kind=D _tooltrail_line=${BASH_COMMAND:0:16001}
    case $_tooltrail_line in
    _tooltrail_prompt) _tooltrail_kind=P ;;
    *_tooltrail_*) return 0 ;;
    "for "* | "case "* | "select "* | "(("*) _tooltrail_kind=N ;;
    esac
    [[ $_tooltrail_kind == P || $_tooltrail_at_prompt == 0 ]] || return 0
    if [[ $_tooltrail_kind == D && $_tooltrail_interactive == '' ]]; then
        case ${_tooltrail_line%%[ =]*} in
        : | true | false | echo | printf | "[" | "[[" | read | test | let | local | shift | continue | \
            break | return | declare | unset)
            ((++_tooltrail_own <= 50)) || { _tooltrail_kind=N && ((++_tooltrail_counted)); }
            ;;
        esac
    fi
    _tooltrail_boundary "${@:1:$#-1}"
}

_tooltrail_boundary() {
    # While bash starts a pipeline it blocks SIGCHLD (bit 17 of `blocked`) and reaps no child
    # (`cminflt`): so this tells whether the command before goes on, as an element of the same one.
    local _tooltrail_skip _tooltrail_reaped=0 _tooltrail_blocked=0 _tooltrail_piped=0
    read -r _tooltrail_skip _tooltrail_skip _tooltrail_skip _tooltrail_skip _tooltrail_skip \
        _tooltrail_skip _tooltrail_skip _tooltrail_skip _tooltrail_skip _tooltrail_skip \
        _tooltrail_reaped _tooltrail_skip _tooltrail_skip _tooltrail_skip _tooltrail_skip \
        _tooltrail_skip _tooltrail_skip _tooltrail_skip _tooltrail_skip _tooltrail_skip \
        _tooltrail_skip _tooltrail_skip _tooltrail_skip _tooltrail_skip _tooltrail_skip \
        _tooltrail_skip _tooltrail_skip _tooltrail_skip _tooltrail_skip _tooltrail_skip \
        _tooltrail_skip _tooltrail_blocked _tooltrail_skip <"/proc/$$/stat"
    ((_tooltrail_blocked = _tooltrail_blocked >> 16 & 1)) || :
    [[ $_tooltrail_blocked$_tooltrail_was != "11:$_tooltrail_reaped" ]] || _tooltrail_piped=1
    _tooltrail_was=$_tooltrail_blocked:$_tooltrail_reaped
    local _tooltrail_call=$_tooltrail_id
    case $_tooltrail_kind in
    D) _tooltrail_call=req_0$_tooltrail_at$_tooltrail_salt ;;
    P) _tooltrail_at_prompt=1 ;;
    esac
    if [[ $_tooltrail_kind == D ]]; then
        _tooltrail_open=1
    elif ((!_tooltrail_piped)); then
        _tooltrail_open=0
    fi
    _tooltrail_tell "$_tooltrail_kind" "$_tooltrail_at" "$_tooltrail_call" "$PWD" \
        "${!-}/$_tooltrail_piped/$_tooltrail_counted" "$_tooltrail_status" "$*" "$_tooltrail_line"
    export TOOL_PARENT_REQUEST_ID=$_tooltrail_call
    return 0
}

# bash-preexec has the DEBUG trap, and tells of each line as it was typed.
_tooltrail_preexec() {
    local _tooltrail_status=$? _tooltrail_at=${EPOCHREALTIME/[.,]/} IFS=' '
    local _tooltrail_kind=D _tooltrail_line=${1:0:16001}
    { _tooltrail_boundary "$_tooltrail_status"; } 2>/dev/null
}

_tooltrail_precmd() {
    local _tooltrail_status=$? _tooltrail_at=${EPOCHREALTIME/[.,]/} IFS=' '
    local _tooltrail_kind=P _tooltrail_line=''
    { _tooltrail_boundary "$_tooltrail_status"; } 2>/dev/null
    return "$_tooltrail_status"
}

# For a DEBUG trap that was there before ours: it runs after ours, with the `$?` it would have.
_tooltrail_before() {
    local _tooltrail_status=$?
    { _tooltrail_debug "$@" || :; } 2>/dev/null
    return "$_tooltrail_status"
}

_tooltrail_exit() {
    local _tooltrail_status=$? _tooltrail_at=${EPOCHREALTIME/[.,]/} IFS=' '
    local _tooltrail_kind=X _tooltrail_line=''
    [[ $BASHPID != "$$" ]] || _tooltrail_boundary "$@"
}

_tooltrail_prompt() { return "$?"; }

_tooltrail_start() {
    [[ ${TOOLTRAIL_SHELL-} != off && -x @PYTHON@ ]] || return 0
    local comm=''
    read -r comm 2>/dev/null <"/proc/$$/comm" || return 0
    [[ $comm != *[\ \)]* ]] || return 0 # the fields of `stat` could not be told apart
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
        "${BASH_EXECUTION_STRING:0:16001}" ''
    _tooltrail_at_prompt=0 _tooltrail_was='' _tooltrail_interactive=$interactive
    _tooltrail_own=0 _tooltrail_open=0 _tooltrail_counted=0
    if [[ -n ${bash_preexec_imported-}${__bp_imported-} ]]; then
        preexec_functions+=(_tooltrail_preexec)
        precmd_functions=(_tooltrail_precmd ${precmd_functions[@]+"${precmd_functions[@]}"})
    elif [[ -n $interactive ]]; then
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
    _tooltrail_theirs=$(trap -p DEBUG)
fi
if [[ -n ${BASH_VERSINFO-} && ${_tooltrail_shell-} != "$$" ]] && ((BASH_VERSINFO[0] >= 5)); then
    _tooltrail_none=''
    { _tooltrail_start; } 2>/dev/null || :
    if [[ ${_tooltrail_shell-} == "$$" ]]; then
        [[ -n $(trap -p EXIT) ]] || trap '{ _tooltrail_exit "${PIPESTATUS[@]}" || :; } 2>/dev/null' EXIT
        if [[ -n ${bash_preexec_imported-}${__bp_imported-} ]]; then
            : # it tells us
        elif [[ ${_tooltrail_theirs-} == "trap -- "* ]]; then
            eval "set -- ${_tooltrail_theirs#trap }" "${@@Q}"
            trap "if _tooltrail_before \"\${PIPESTATUS[@]}\" \"\$_\"; then
$2
else
$2
fi" DEBUG
            shift 3
        else
            trap '{ _tooltrail_debug "${PIPESTATUS[@]}" "$_" || :; } 2>/dev/null' DEBUG
        fi
    fi
    unset _tooltrail_theirs
fi
