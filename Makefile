# The verbs of this tree.  Everything they need on Debian 12 they install themselves, without asking; a second run finds
# it there and needs no network.
SECONDS = 60

.PHONY: up build check unit bench fuzz asan tsan format lint reference console prices install clean

up: build
	exec build/muster up

build:
	tools/setup build
	TARGETS='muster muster-shim' tools/build build

check:
	tools/setup test
	tools/check

unit:
	tools/setup test
	tools/build build
	meson test -C build --suite unit --print-errorlogs

bench:
	tools/setup bench
	TARGETS='muster muster-shim bench/load_jobs bench/load_bus bench/load_hub bench/schedule_load bench/bare_epoll' \
		tools/build build-bench --buildtype=release -Dbench=true
	bench/run build-bench

fuzz:
	tools/setup test
	CC=clang tools/build build-fuzz -Dfuzz=true
	tools/fuzz build-fuzz $(SECONDS)

asan:
	tools/setup test
	tools/check asan

tsan:
	tools/setup test
	tools/check tsan

format:
	tools/check-format -i

reference: build
	tools/check-reference build -i

lint:
	tools/setup lint
	tools/lint

console:
	tools/setup test
	tools/check-console -i

prices:
	tools/setup test
	tools/check-prices -i

install:
	tools/setup build
	TARGETS='muster muster-shim extras' tools/build build
	meson install -C build --no-rebuild

clean:
	rm -rf build build-*
