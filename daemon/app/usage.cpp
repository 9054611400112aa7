// SPDX-License-Identifier: GPL-3.0-or-later
#include "daemon/app/usage.h"

#include "daemon/app/exit_code.h"

#include <QtGlobal>

#include <cstdio>

namespace dynakv::app {
namespace {

constexpr const char *kHelp =
    R"(dynakvd - one node of a DynaKV cluster

EXAMPLES
  dynakvd 127.0.0.1:6660                    found a cluster on this machine
  dynakvd 127.0.0.1:6661 127.0.0.1:6660     a second node that joins the first
  curl -X PUT -d '{"value":1}' http://127.0.0.1:6660/key/a
  curl http://127.0.0.1:6661/key/a
  dynakvd status 127.0.0.1:6660             the members, as that node sees them
  dynakvd export --output keys.ndjson       all keys and values into a file

USAGE
  dynakvd LISTEN [JOIN...] [OPTIONS]        run a node
  dynakvd health [ADDR]                     ask whether a node is ready
  dynakvd status [ADDR] [--json]            show its cluster
  dynakvd export [ADDR] [--prefix P] [--output FILE] [--resume] [--progress]
                                            write its keys and values, one JSON object a line
  dynakvd import FILE|- [ADDR] --only-missing|--overwrite [--resume] [--force] [--progress]
                                            write an export into its cluster, as new versions

  dynakvd verify FILE [--json]              check every byte of a storage.db or a backup
  dynakvd recover --prefix|--salvage FILE NEW    write what a damaged one still holds to NEW
  dynakvd restore BACKUP --data-dir DIR     a new node out of a backup, where no cluster is left
  dynakvd set-aside --data-dir DIR          rename the file of a node that was forgotten or left, so
                                            that a new node can take its directory
  dynakvd export --file FILE [--prefix P] [--output FILE]
                                            export a backup, or a file set aside, without a node

  LISTEN  HOST:PORT of the REST API, and how others know this node.
  JOIN    HOST:APIPORT[/CLUSTERPORT] of any member; it is tried until it answers.
  ADDR    HOST[:PORT] of a node, by default DYNAKV_LISTEN or 127.0.0.1:6660.

EXPORT AND IMPORT
  --prefix P                only the keys that begin with P
  --output FILE             default: standard output. FILE.partial until it is complete
  --only-missing            leave keys that exist as they are
  --overwrite               give them the value of the file
  --resume                  go on where the last run on FILE stopped
  --force                   import what is intact of a file whose end is missing
  --progress                tell the progress even where standard error is no terminal

OPTIONS OF A NODE
  --data-dir DIR            where storage.db lives (default: dynakv-PORT in the working directory)
  --cluster-port PORT       for the other nodes (default: API port + 10000, or - 10000)
  --cluster-secret-file FILE  16 bytes or more that all nodes share: each proves to know them before
                            it is let in, and every message between nodes is authenticated
  --advertise HOST[:PORT]   the API address that others reach this node at (default: learned)
  --durability MODE         when a write is acknowledged: sync (default; on disk), interval (in the
                            file, on disk within a second), os (in the file), memory (no file)
  --max-memory SIZE         what the data may take in memory, for example 512M, 4G or 50% of what
                            the machine or container has (default: 70%); at 95 % values are refused
  --max-value-bytes SIZE    largest value, for example 512K (default: 1M; at most 16M)
  --purge-after-s S         keep what was deleted or expired so long at least (default: 300)
  --max-connections N       clients at one time (default: 1024); further ones wait until one leaves
  --http-threads N          threads that serve clients (default: half of the cores, 1 to 8)
  --allowed-host NAME       accept this name in a request's Host header; repeatable
  --insecure-allow-remote   accept a LISTEN that other machines reach: whoever reaches it can read
                            and change everything, since there is no authentication yet
  --log-level RULES         debug, info (default), warning or error; for parts: info,cluster=debug
  --log-format FORMAT       text (default) or json
  --slow-request-ms MS      log requests that take longer (default: 1000; 0: none)
  --config FILE             lines of "name = value"; names as above without --, and listen, join
  --version, --help

  Every option can stand in the environment too, as DYNAKV_DATA_DIR for --data-dir, DYNAKV_LISTEN
  and DYNAKV_JOIN (DYNAKV_LOG is short for DYNAKV_LOG_LEVEL). The command line wins over the
  environment, that over the file.

EXIT CODES
  0 stopped as asked   2 wrong options   65 storage.db damaged or newer than this program
  69 address in use or not available   73 data directory cannot be made, written or locked
  74 input/output error   78 refused as unsafe   130 stopped by a second Ctrl-C
  health: 0 ready, 1 not ready, 7 cannot connect   status: 0, 7 cannot connect
  verify: 0 intact, 1 torn end (a start repairs it), 65 damaged   recover, restore,
  set-aside: 0 done, 65, 73; set-aside: 78 this node was not forgotten
  export, import: 0 complete, 1 some records refused, 7 cannot connect, 65 file damaged or of
  another cluster, 73 file cannot be opened, 74 input/output error, 75 stopped before the end
)";

} // namespace

int printHelp()
{
    std::fputs(kHelp, stdout);
    return static_cast<int>(ExitCode::Done);
}

int printUsageError()
{
    std::fputs("dynakvd: no LISTEN address, for example: dynakvd 127.0.0.1:6660\n\n", stderr);
    std::fputs(kHelp, stderr);
    return static_cast<int>(ExitCode::Usage);
}

int printVersion()
{
    std::printf("dynakvd %s (Qt %s)\n", DYNAKV_VERSION, qVersion());
    return static_cast<int>(ExitCode::Done);
}

} // namespace dynakv::app
