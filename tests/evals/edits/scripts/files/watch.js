const fs = require('fs');

function watch(folder, report) {  
  fs.watch(folder, (event, name) => {
    report(event, name); 
  });
}

module.exports = { watch };