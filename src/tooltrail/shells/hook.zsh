# A hook of tooltrail, version 1, written by `tooltrail hook install zsh`: changes here are lost.
# An interactive zsh reads it from ~/.zshrc. What it tells goes through a FIFO, never through a
# file, to a recorder process, which takes out secrets before anything is on disk.

_tooltrail_tell() {
    # Opened for reading too, it neither waits for a reader nor brings SIGPIPE.
    [[ -p $_tooltrail_fifo ]] && builtin printf '%s\0' "$@" 1<>"$_tooltrail_fifo"
} 2>/dev/null

_tooltrail_preexec() {
    emulate -L zsh
    local at=${EPOCHREALTIME/[.,]/}
    at=${(r:16::0:)at}
    _tooltrail_running=1
    export TOOL_PARENT_REQUEST_ID=req_0$at$_tooltrail_salt
    _tooltrail_tell D $at $TOOL_PARENT_REQUEST_ID "$PWD" /0 0 0 "${1[1,16001]}"
}

_tooltrail_precmd() {
    local _tooltrail_status=$?
    emulate -L zsh
    ((_tooltrail_running)) || return $_tooltrail_status
    _tooltrail_running=0
    local at=${EPOCHREALTIME/[.,]/}
    export TOOL_PARENT_REQUEST_ID=$_tooltrail_id
    _tooltrail_tell P ${(r:16::0:)at} $_tooltrail_id "$PWD" /0 $_tooltrail_status $_tooltrail_status ''
    return $_tooltrail_status
}

_tooltrail_zshexit() {
    local _tooltrail_status=$?
    emulate -L zsh
    [[ $ZSH_SUBSHELL == 0 && $_tooltrail_shell == $$ ]] || return 0
    local at=${EPOCHREALTIME/[.,]/}
    _tooltrail_tell X ${(r:16::0:)at} $_tooltrail_id "$PWD" /0 $_tooltrail_status $_tooltrail_status ''
}

_tooltrail_start() {
    emulate -L zsh
    [[ ${TOOLTRAIL_SHELL-} != off && -x @PYTHON@ ]] || return 0
    zmodload zsh/datetime && autoload -Uz add-zsh-hook || return 0
    [[ -d @SPOOL@ ]] || (umask 077 && command mkdir -p -- @SPOOL@) || return 0
    [[ -O @SPOOL@ ]] || return 0
    local now=${EPOCHREALTIME/[.,]/}
    now=${(r:16::0:)now}
    typeset -g _tooltrail_salt=${(l:9::0:)$((($$ * 32768 + RANDOM) % 1000000000))}
    typeset -g _tooltrail_id=req_0$now$_tooltrail_salt _tooltrail_running=0
    typeset -g _tooltrail_fifo=@SPOOL@/zsh-$$-$now
    command mkfifo -m 600 -- "$_tooltrail_fifo" || return 0
    [[ -n ${TOOL_TRACE_ID-}${TRACEPARENT-}${CLAUDE_CODE_SESSION_ID-}${CODEX_THREAD_ID-} ]] ||
        [[ -n ${COPILOT_AGENT_SESSION_ID-} ]] || export TOOL_TRACE_ID=zsh-$_tooltrail_id
    (
        exec <>"$_tooltrail_fifo" >/dev/null
        cd /
        trap '' HUP INT QUIT TERM TSTP
        @PYTHON@ -E -P -m tooltrail.shells.recorder zsh $$ "$_tooltrail_fifo" <&0 &! # `&` alone would empty stdin
    )
    _tooltrail_tell S $now $_tooltrail_id "$PWD" i "$0" '' ''
    typeset -g _tooltrail_shell=$$
    add-zsh-hook preexec _tooltrail_preexec
    add-zsh-hook zshexit _tooltrail_zshexit
    precmd_functions=(_tooltrail_precmd $precmd_functions) # first: it reads $?
    export TOOL_PARENT_REQUEST_ID=$_tooltrail_id
}

if [[ -o interactive && ${_tooltrail_shell-} != $$ ]]; then
    _tooltrail_start 2>/dev/null
fi
