// Checks an export of Segue's audit log with the code of Go's own checksum database, and tells the
// history of one record. It knows nothing of Segue but the layout of the folder (C2SP tlog-tiles).
//
//	go run check-the-log.go EXPORT KEYFILE RECORD [CHECKPOINT...]
//
// KEYFILE holds the public key you were given. Each CHECKPOINT is an earlier head that you kept.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func stop(format string, args ...any) {
	fmt.Printf("BROKEN: "+format+"\n", args...)
	os.Exit(1)
}

func must[T any](value T, err error) T {
	if err != nil {
		stop("%v", err)
	}
	return value
}

// A signed head, once its signature is right: how long the log was, and the root over all of it.
func head(path string, known note.Verifiers) tlog.Tree {
	opened, err := note.Open(must(os.ReadFile(path)), known)
	if err != nil {
		stop("%s: %v", path, err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != opened.Sigs[0].Name {
		stop("%s is not the head of a log", path)
	}
	root, tree := must(base64.StdEncoding.DecodeString(lines[2])), tlog.Tree{}
	tree.N = must(strconv.ParseInt(lines[1], 10, 64))
	if copy(tree.Hash[:], root) != tlog.HashSize || len(root) != tlog.HashSize {
		stop("%s has no root", path)
	}
	return tree
}

// A file of the export; Go writes the same place with the height of its tiles in front.
func file(export string, tile tlog.Tile, folder string) []byte {
	path := strings.Replace(tile.Path(), fmt.Sprintf("tile/8/%d/", tile.L), "tile/"+folder+"/", 1)
	return must(os.ReadFile(filepath.Join(export, path)))
}

// The entries of one file, each behind its length in two bytes.
func entries(data []byte) (all [][]byte) {
	for len(data) > 0 {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			stop("a file of entries is cut off")
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		all, data = append(all, data[2:end]), data[end:]
	}
	return all
}

func main() {
	if len(os.Args) < 4 {
		fmt.Println("go run check-the-log.go EXPORT KEYFILE RECORD [CHECKPOINT...]")
		os.Exit(2)
	}
	export, record := os.Args[1], os.Args[3]
	var keys []note.Verifier
	for _, line := range strings.Fields(string(must(os.ReadFile(os.Args[2])))) {
		keys = append(keys, must(note.NewVerifier(line)))
	}
	known := note.VerifierList(keys...)
	tree := head(filepath.Join(export, "checkpoint"), known)

	// Go hashes every entry and all that stands above them; nothing is taken from the export but
	// the entries themselves.
	var hashes []tlog.Hash
	read := tlog.HashReaderFunc(func(places []int64) (found []tlog.Hash, err error) {
		for _, place := range places {
			found = append(found, hashes[place])
		}
		return found, nil
	})
	number, version := int64(0), 0
	var told []string
	for begin := int64(0); begin < tree.N; begin += 256 {
		bundle := tlog.Tile{H: 8, L: 0, N: begin / 256, W: int(min(256, tree.N-begin))}
		for _, entry := range entries(file(export, bundle, "entries")) {
			hashes = append(hashes, must(tlog.StoredHashes(number, entry, read))...)
			var said struct {
				Action, At, Record, Role, Trigger string
				Version                           int
				State                             struct{ From, To string }
			}
			if json.Unmarshal(entry, &said); said.Record == record && said.Action == "step" {
				if version++; said.Version != version {
					stop("version %d of the record is missing", version)
				}
				told = append(told, fmt.Sprintf("%8d  %s  version %d: %s, from %s to %s, by %s",
					number, said.At, version, said.Trigger, said.State.From, said.State.To, said.Role))
			}
			number++
		}
	}
	if number != tree.N || must(tlog.TreeHash(tree.N, read)) != tree.Hash {
		stop("the %d entries are not the %d that were signed", number, tree.N)
	}
	for level, count := 0, tree.N; count > 0; level, count = level+1, count/256 {
		for begin := int64(0); begin < count; begin += 256 {
			tile := tlog.Tile{H: 8, L: level, N: begin / 256, W: int(min(256, count-begin))}
			data := file(export, tile, strconv.Itoa(level))
			if !bytes.Equal(data, must(tlog.ReadTileData(tile, read))) {
				stop("the hashes in %s are not those of the entries", tile.Path())
			}
		}
	}
	for _, path := range os.Args[4:] {
		old := head(path, known)
		if old.N > tree.N || old.N > 0 && must(tlog.TreeHash(old.N, read)) != old.Hash {
			stop("the log of %s, of %d entries, is not the beginning of this one", path, old.N)
		}
	}
	for _, line := range told {
		fmt.Println(line)
	}
	if version == 0 {
		stop("no step of %s is among the %d entries; is that its id?", record, tree.N)
	}
	fmt.Printf("WHOLE: %d entries, as %s signed them; %d steps of this record, none missing\n",
		tree.N, keys[0].Name(), version)
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}
