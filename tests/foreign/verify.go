// Reads a folder of cases with Go's own checksum database packages, and says how it judged them.
package main

import (
	"bufio"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type line struct {
	How     *string  `json:"how"`
	Note    []byte   `json:"note"`
	Leaf    []byte   `json:"leaf"`
	Index   int64    `json:"index"`
	Size    int64    `json:"size"`
	Old     int64    `json:"old"`
	Root    []byte   `json:"root"`
	OldRoot []byte   `json:"old_root"`
	Path    [][]byte `json:"path"`
}

type judged struct {
	Accepted int            `json:"accepted"`
	Refused  int            `json:"refused"`
	Let      map[string]int `json:"let"`  // broken, and accepted all the same
	Lost     []string       `json:"lost"` // good, and refused
}

func hash(b []byte) (h tlog.Hash) {
	if len(b) != len(h) {
		panic("not a hash")
	}
	copy(h[:], b)
	return h
}

func hashes(path [][]byte) (all []tlog.Hash) {
	for _, b := range path {
		all = append(all, hash(b))
	}
	return all
}

func head(l line, origin string, known note.Verifiers) error {
	opened, err := note.Open(l.Note, known)
	if err != nil {
		return err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != origin || lines[3] != "" {
		return fmt.Errorf("not a checkpoint of its own log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return err
	}
	if size != l.Size || lines[2] != base64.StdEncoding.EncodeToString(l.Root) {
		return fmt.Errorf("another head")
	}
	return nil
}

// A witness's key: the package has no word for it, but leaves room for one.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }
func (c cosigner) Verify(body, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	said := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(signature), body)
	return ed25519.Verify(c.key, []byte(said), signature[8:])
}

func newCosigner(text string) cosigner {
	name, rest, _ := strings.Cut(text, "+")
	id, coded, _ := strings.Cut(rest, "+")
	key, err := base64.StdEncoding.DecodeString(coded)
	if err != nil || len(key) != 33 || key[0] != 4 {
		panic("not the key of a witness")
	}
	sum := sha256.Sum256(append([]byte(name+"\n"), key...))
	if hex.EncodeToString(sum[:4]) != id {
		panic("another id")
	}
	return cosigner{name, binary.BigEndian.Uint32(sum[:]), key[1:]}
}

func judge(path string, check func(line) error) judged {
	file, err := os.Open(path)
	if err != nil {
		panic(err)
	}
	defer file.Close()
	said := judged{Let: map[string]int{}}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for number := 1; lines.Scan(); number++ {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			panic(err)
		}
		err := check(l)
		switch {
		case err == nil && l.How == nil:
			said.Accepted++
		case err == nil:
			said.Let[*l.How]++
		case l.How == nil:
			said.Lost = append(said.Lost, fmt.Sprintf("line %d: %v", number, err))
		default:
			said.Refused++
		}
	}
	if lines.Err() != nil {
		panic(lines.Err())
	}
	return said
}

func main() {
	folder := os.Args[1]
	key, err := os.ReadFile(filepath.Join(folder, "key.txt"))
	if err != nil {
		panic(err)
	}
	verifier, err := note.NewVerifier(string(key))
	if err != nil {
		panic(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "witness.txt"))
	if err != nil {
		panic(err)
	}
	witness := newCosigner(string(text))
	known := note.VerifierList(verifier)
	said := map[string]judged{
		"heads": judge(filepath.Join(folder, "heads.jsonl"), func(l line) error {
			return head(l, verifier.Name(), known)
		}),
		"cosigned": judge(filepath.Join(folder, "cosigned.jsonl"), func(l line) error {
			return head(l, verifier.Name(), note.VerifierList(witness))
		}),
		"inclusion": judge(filepath.Join(folder, "inclusion.jsonl"), func(l line) error {
			return tlog.CheckRecord(hashes(l.Path), l.Size, hash(l.Root), l.Index, tlog.RecordHash(l.Leaf))
		}),
		"consistency": judge(filepath.Join(folder, "consistency.jsonl"), func(l line) error {
			return tlog.CheckTree(hashes(l.Path), l.Size, hash(l.Root), l.Old, hash(l.OldRoot))
		}),
	}
	if err := json.NewEncoder(os.Stdout).Encode(said); err != nil {
		panic(err)
	}
}
