package provider

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"ovhcloud-csi-provider/provider/message"
)

// secretPathChars is OKMS's pattern for the path of a secret (SW: PostSecretV2
// Request.path). It admits no percent sign: that is for the encoded form.
var secretPathChars = regexp.MustCompile(`^[a-zA-Z0-9_.:/=@-]+$`)

// checkSecretPath holds OKMS's rules for paths. Dot segments are refused here
// because HTTP clients resolve them, and would read another secret.
func checkSecretPath(p string) error {
	err := pathError(p)
	switch {
	case errors.Is(err, errSlashes):
		return fmt.Errorf("%w%s", err, withoutSlashes(p))
	case errors.Is(err, errSigns):
		return fmt.Errorf("%w%s", err, withoutSigns(p))
	}
	return err
}

// pathError is checkSecretPath without advice.
func pathError(p string) error {
	switch {
	case len(p) > 255:
		return fmt.Errorf("is %d characters long; OKMS allows 255", len(p))
	case !secretPathChars.MatchString(p):
		return errSigns
	}
	for segment := range strings.SplitSeq(p, "/") {
		switch segment {
		case "":
			return errSlashes
		case ".", "..":
			return fmt.Errorf("must not hold the segment %q", segment)
		}
	}
	return nil
}

// withoutSlashes says how to write a path that has too many slashes.
func withoutSlashes(p string) string {
	if hint := vaultHint(p); hint != "" {
		return "; " + hint
	}
	if strings.Contains(p, "://") {
		return "; write the path of the secret alone, without the address"
	}
	clean := strings.Join(strings.FieldsFunc(p, func(r rune) bool { return r == '/' }), "/")
	if pathError(clean) == nil {
		return "; write " + clean
	}
	return ""
}

// errSigns is the cause where a path has signs that no path of OKMS has.
var errSigns = errors.New("may hold only letters, digits and _ . : / = @ -")

// withoutSigns says what to do about signs that people put into a path.
func withoutSigns(p string) string {
	if decoded, err := url.PathUnescape(p); err == nil && decoded != p && pathError(decoded) == nil {
		return "; write " + decoded
	}
	if strings.ContainsRune(p, '*') {
		return "; wildcards are not supported: name each secret"
	}
	return ""
}

// errSlashes is the cause where a path has too many slashes.
var errSlashes = errors.New("must not begin or end with a slash, nor hold two in a row")

// maxFileName bounds a path in the volume, in bytes: a path has 4095 at most, and the
// volume's own stands before it.
const maxFileName = 3 << 10

// checkFileName holds the driver's rules for a path in the volume (its
// pkg/util/fileutil: writer.go and atomic_writer.go), and refuses what no person
// can type: control characters and bytes that are not UTF-8.
func checkFileName(name string) error {
	switch {
	case name == "":
		return errors.New("is empty")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("holds a control character or is not UTF-8")
	case strings.HasPrefix(name, "/"):
		return errors.New("must be relative to the volume, without a slash in front")
	case strings.HasPrefix(name, ".."):
		return errors.New(`must not begin with ".."`)
	case path.Clean(name) != name || name == ".":
		return errors.New(`must not hold empty, "." or ".." elements, nor end with a slash`)
	case len(name) > maxFileName:
		return fmt.Errorf("is %d bytes long; a path has at most %d", len(name), maxFileName)
	}
	for element := range strings.SplitSeq(name, "/") {
		if len(element) > 255 {
			return fmt.Errorf("has an element of %d bytes; a file name has at most 255", len(element))
		}
	}
	return nil
}

// layout is the tree of a volume while it is planned: which path is a file or a
// folder, and for which object.
type layout struct{ files, folders map[string]int }

func newLayout() layout { return layout{files: map[string]int{}, folders: map[string]int{}} }

// addFile claims name for an object's file.
func (l layout) addFile(name string, object int) error {
	if owner, taken := l.files[name]; taken {
		return fmt.Errorf("%s already writes the file %s; give another objectName", by(owner, object), message.Quote(name))
	}
	if owner, taken := l.folders[name]; taken {
		return fmt.Errorf("%s is a folder of %s and cannot be a file too; give another objectName", message.Quote(name), by(owner, object))
	}
	if err := l.addParents(name, object); err != nil {
		return err
	}
	l.files[name] = object
	return nil
}

// addFolder claims name for the folder of an object's files; "" is the root.
func (l layout) addFolder(name string, object int) error {
	if name == "" {
		return nil
	}
	if owner, taken := l.files[name]; taken {
		return fmt.Errorf("%s is a file of %s and cannot be a folder too; give another objectName", message.Quote(name), by(owner, object))
	}
	if err := l.addParents(name, object); err != nil {
		return err
	}
	if _, taken := l.folders[name]; !taken {
		l.folders[name] = object
	}
	return nil
}

func (l layout) addParents(name string, object int) error {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if owner, taken := l.files[dir]; taken {
			return fmt.Errorf("%s is a file of %s and cannot be a folder too; give another objectName", message.Quote(dir), by(owner, object))
		}
		if _, taken := l.folders[dir]; !taken {
			l.folders[dir] = object
		}
	}
	return nil
}

func by(owner, object int) string {
	if owner == object {
		return "the same object"
	}
	return fmt.Sprintf("objects[%d]", owner)
}
