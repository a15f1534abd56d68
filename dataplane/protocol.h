/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How postern, posternd and postern-dp talk: Unix sockets of type seqpacket,
 * one JSON object a datagram. A request is one datagram, with the memfd of a
 * blob attached (SCM_RIGHTS) where the command is "load". An answer is one or
 * more datagrams; each has "ok", the last has "end": true.
 *
 *   to postern-dp                     answer
 *   {"cmd":"ping"}                    {"ok":true,"pid":N,"version":S,"generation":N,"end":true}
 *   {"cmd":"load"} + memfd            {"ok":true,"generation":N,"swap_ns":N,"quiesce_ns":N,"packets_lost":0,...}
 *   {"cmd":"stats"}                   {"ok":true,"uptime_s":N,"generation":N,"workers":[{counter:value...}],
 *                                      "total":{counter:value...},"ports":[...],...}
 *   {"cmd":"flows","limit":N}         {"ok":true,"flows":[...]} ... (up to 64 flows a datagram)
 *   {"cmd":"events","limit":N}        {"ok":true,"events":[...]} ... the last N, oldest first
 *   {"cmd":"rules"}                   {"ok":true,"generation":N,"rules":N,"patterns":N,...}
 *   {"cmd":"quarantine","generation":N,"fallback":"reject"|"defer","sessions":N,"setup_ms":N,"answer_ms":N,
 *    "session_s":N,"servers":[{name,address,port,healthy,caps,next_hop_mac,own_mac}...]}  {"ok":true,"generation":N}
 *                                     the last two by an interface of the quarantines' own, where they are known
 *
 *   to posternd
 *   {"cmd":"ping"}                    {"ok":true,"pid":N,"version":S,"end":true}
 *   {"cmd":"quarantine"}              {"ok":true,"quarantines":[{name,address,port,state,for_s,checks,capabilities,
 *                                      error,by}...],"fallback":S,"told":B}
 *   {"cmd":"reload"}                  {"ok":true,"generation":N,"compile_ns":N,"swap_ns":N,"packets_lost":0,...}
 *                                     with rules, patterns, warnings, prepared_ns (start to sealed blob), cached, messages
 *   {"cmd":"rules","limit":N}         {"ok":true,"generation":N,"live":N,"files":[...],"rules":[{id,action,field,kind,
 *                                      pattern,means,mode,at}...],"files_total":N,"patterns_total":N,"last_error":S|null}
 *   A reload that fails adds "messages" (of the compiler) and "generation" (which goes on judging).
 *
 * A request that fails gets {"ok":false,"error":"a sentence","end":true}.
 */
#ifndef POSTERN_PROTOCOL_H
#define POSTERN_PROTOCOL_H

#define PROTOCOL_DP_SOCKET      "/run/postern/dataplane.sock"
#define PROTOCOL_CONTROL_SOCKET "/run/postern/posternd.sock"
#define PROTOCOL_DATAGRAM_MAX   (64 * 1024)

#endif
