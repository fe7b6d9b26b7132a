// What TypeScript's checker says of every name that is no member: its offset in bytes, and those of the names that
// declare it in the file. The files are read from the command line.
const fs = require('fs');
const ts = require(process.argv[1]);
const paths = process.argv.slice(2);
const program = ts.createProgram(paths, {
  allowJs: true, noResolve: true, noLib: true, types: [], noEmit: true,
  target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.ESNext, jsx: ts.JsxEmit.Preserve,
});
const checker = program.getTypeChecker();

function isMember(node) {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isQualifiedName(parent)) return parent.right === node;
  if (ts.isBindingElement(parent)) return parent.propertyName === node;
  if (ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent)) return parent.propertyName === node;
  if (ts.isJsxAttribute(parent) || ts.isJsxNamespacedName(parent) || ts.isMetaProperty(parent)) return true;
  if (ts.isNamedTupleMember(parent) || ts.isImportTypeNode(parent)) return true;
  const keyed = ts.isPropertyAssignment(parent) || ts.isClassElement(parent) || ts.isTypeElement(parent)
    || ts.isEnumMember(parent);
  return keyed && parent.name === node;
}

function isWord(node) {
  const parent = node.parent;
  return ['undefined', 'arguments', 'this', 'module', 'exports', 'require', 'default', 'global', 'const', '']
    .includes(node.text)
    || ts.isPrivateIdentifier(node)
    || ts.isExportSpecifier(parent) || ts.isNamespaceExport(parent)
    || ts.isLabeledStatement(parent) || ts.isBreakOrContinueStatement(parent);
}

for (const path of paths) {
  const file = program.getSourceFile(path);
  if (!file) continue;
  const mark = fs.readFileSync(path)[0] === 0xef ? 3 : 0;
  const bytes = [0];
  for (const letter of file.text) {
    const width = Buffer.byteLength(letter);
    const last = bytes[bytes.length - 1];
    for (let unit = 1; unit <= letter.length; unit++) bytes.push(unit === letter.length ? last + width : last);
  }
  const offset = (node) => bytes[node.getStart(file)] + mark;
  console.log('F ' + path);
  const visit = (node) => {
    if (ts.isIdentifier(node) && !isMember(node) && !isWord(node)) {
      let symbol = checker.getSymbolAtLocation(node);
      if (ts.isShorthandPropertyAssignment(node.parent)) symbol = checker.getShorthandAssignmentValueSymbol(node.parent);
      const own = (symbol && symbol.declarations || []).filter((found) => found.getSourceFile() === file);
      const names = own.map((found) => offset(ts.getNameOfDeclaration(found) || found));
      console.log(['N', offset(node), ...names].join(' '));
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
}
