    0 s  follower POST /i00-f/_ccr/pause_follow → 200
    0 s  follower POST /i00-f/_ccr/resume_follow → 200
   10 s  follower POST /i01-f/_ccr/pause_follow → 200
   10 s  follower POST /i01-f/_ccr/resume_follow → 200
   20 s  follower POST /i02-f/_ccr/pause_follow → 200
   20 s  follower POST /i02-f/_ccr/resume_follow → 200
   20 s  follower POST /i03-f/_ccr/pause_follow → 200
   20 s  follower POST /i03-f/_ccr/resume_follow → 200
   30 s  follower POST /i04-f/_ccr/pause_follow → 200
   30 s  follower POST /i04-f/_ccr/resume_follow → 200
   30 s  follower POST /i05-f/_ccr/pause_follow → 200
   30 s  follower POST /i05-f/_ccr/resume_follow → 200
   30 s  follower POST /i08-f/_ccr/pause_follow → 200
   30 s  follower POST /i08-f/_ccr/resume_follow → 200
   30 s  follower POST /i101-f/_ccr/pause_follow → 200
   30 s  follower POST /i101-f/_ccr/resume_follow → 200
   40 s  follower POST /i06-f/_ccr/pause_follow → 200
   40 s  follower POST /i06-f/_ccr/resume_follow → 200
   40 s  follower POST /i07-f/_ccr/pause_follow → 200
   40 s  follower POST /i07-f/_ccr/resume_follow → 200
   40 s  follower POST /i105-f/_ccr/pause_follow → 200
   40 s  follower POST /i105-f/_ccr/resume_follow → 200
   40 s  follower POST /i109-f/_ccr/pause_follow → 200
   40 s  follower POST /i109-f/_ccr/resume_follow → 200
   50 s  follower POST /i09-f/_ccr/pause_follow → 200
   50 s  follower POST /i09-f/_ccr/resume_follow → 200
   50 s  follower POST /i10-f/_ccr/pause_follow → 200
   50 s  follower POST /i10-f/_ccr/resume_follow → 200
   50 s  follower POST /i100-f/_ccr/pause_follow → 200
   50 s  follower POST /i100-f/_ccr/resume_follow → 200
   50 s  follower POST /i112-f/_ccr/pause_follow → 200
   50 s  follower POST /i112-f/_ccr/resume_follow → 200
   60 s  follower POST /i102-f/_ccr/pause_follow → 200
   60 s  follower POST /i102-f/_ccr/resume_follow → 200
   60 s  follower POST /i103-f/_ccr/pause_follow → 200
   60 s  follower POST /i103-f/_ccr/resume_follow → 200
   60 s  follower POST /i104-f/_ccr/pause_follow → 200
   60 s  follower POST /i104-f/_ccr/resume_follow → 200
   60 s  follower POST /i116-f/_ccr/pause_follow → 200
   60 s  follower POST /i116-f/_ccr/resume_follow → 200
   70 s  follower POST /i106-f/_ccr/pause_follow → 200
   70 s  follower POST /i106-f/_ccr/resume_follow → 200
   70 s  follower POST /i107-f/_ccr/pause_follow → 200
   70 s  follower POST /i107-f/_ccr/resume_follow → 200
   70 s  follower POST /i108-f/_ccr/pause_follow → 200
   70 s  follower POST /i108-f/_ccr/resume_follow → 200
   70 s  follower POST /i12-f/_ccr/pause_follow → 200
   70 s  follower POST /i12-f/_ccr/resume_follow → 200
   80 s  follower POST /i11-f/_ccr/pause_follow → 200
   80 s  follower POST /i11-f/_ccr/resume_follow → 200
   80 s  follower POST /i110-f/_ccr/pause_follow → 200
   80 s  follower POST /i110-f/_ccr/resume_follow → 200
   80 s  follower POST /i111-f/_ccr/pause_follow → 200
   80 s  follower POST /i111-f/_ccr/resume_follow → 200
   80 s  follower POST /i123-f/_ccr/pause_follow → 200
   80 s  follower POST /i123-f/_ccr/resume_follow → 200
   90 s  follower POST /i113-f/_ccr/pause_follow → 200
   90 s  follower POST /i113-f/_ccr/resume_follow → 200
   90 s  follower POST /i114-f/_ccr/pause_follow → 200
   90 s  follower POST /i114-f/_ccr/resume_follow → 200
   90 s  follower POST /i115-f/_ccr/pause_follow → 200
   90 s  follower POST /i115-f/_ccr/resume_follow → 200
   90 s  follower POST /i127-f/_ccr/pause_follow → 200
   90 s  follower POST /i127-f/_ccr/resume_follow → 200
  100 s  follower POST /i117-f/_ccr/pause_follow → 200
  100 s  follower POST /i117-f/_ccr/resume_follow → 200
  100 s  follower POST /i118-f/_ccr/pause_follow → 200
  100 s  follower POST /i118-f/_ccr/resume_follow → 200
  100 s  follower POST /i119-f/_ccr/pause_follow → 200
  100 s  follower POST /i119-f/_ccr/resume_follow → 200
  100 s  follower POST /i130-f/_ccr/pause_follow → 200
  100 s  follower POST /i130-f/_ccr/resume_follow → 200
  110 s  follower POST /i120-f/_ccr/pause_follow → 200
  110 s  follower POST /i120-f/_ccr/resume_follow → 200
  110 s  follower POST /i121-f/_ccr/pause_follow → 200
  110 s  follower POST /i121-f/_ccr/resume_follow → 200
  110 s  follower POST /i122-f/_ccr/pause_follow → 200
  110 s  follower POST /i122-f/_ccr/resume_follow → 200
  110 s  follower POST /i134-f/_ccr/pause_follow → 200
  110 s  follower POST /i134-f/_ccr/resume_follow → 200
  120 s  follower POST /i124-f/_ccr/pause_follow → 200
  120 s  follower POST /i124-f/_ccr/resume_follow → 200
  120 s  follower POST /i125-f/_ccr/pause_follow → 200
  120 s  follower POST /i125-f/_ccr/resume_follow → 200
  120 s  follower POST /i126-f/_ccr/pause_follow → 200
  120 s  follower POST /i126-f/_ccr/resume_follow → 200
  120 s  follower POST /i138-f/_ccr/pause_follow → 200
  120 s  follower POST /i138-f/_ccr/resume_follow → 200
  130 s  follower POST /i128-f/_ccr/pause_follow → 200
  130 s  follower POST /i128-f/_ccr/resume_follow → 200
  130 s  follower POST /i129-f/_ccr/pause_follow → 200
  130 s  follower POST /i129-f/_ccr/resume_follow → 200
  130 s  follower POST /i13-f/_ccr/pause_follow → 200
  130 s  follower POST /i13-f/_ccr/resume_follow → 200
  130 s  follower POST /i141-f/_ccr/pause_follow → 200
  130 s  follower POST /i141-f/_ccr/resume_follow → 200
  140 s  follower POST /i131-f/_ccr/pause_follow → 200
  140 s  follower POST /i131-f/_ccr/resume_follow → 200
  140 s  follower POST /i132-f/_ccr/pause_follow → 200
  140 s  follower POST /i132-f/_ccr/resume_follow → 200
  140 s  follower POST /i133-f/_ccr/pause_follow → 200
  140 s  follower POST /i133-f/_ccr/resume_follow → 200
  140 s  follower POST /i145-f/_ccr/pause_follow → 200
  140 s  follower POST /i145-f/_ccr/resume_follow → 200
  150 s  follower POST /i135-f/_ccr/pause_follow → 200
  150 s  follower POST /i135-f/_ccr/resume_follow → 200
  150 s  follower POST /i136-f/_ccr/pause_follow → 200
  150 s  follower POST /i136-f/_ccr/resume_follow → 200
  150 s  follower POST /i137-f/_ccr/pause_follow → 200
  150 s  follower POST /i137-f/_ccr/resume_follow → 200
  150 s  follower POST /i149-f/_ccr/pause_follow → 200
  150 s  follower POST /i149-f/_ccr/resume_follow → 200
  160 s  follower POST /i139-f/_ccr/pause_follow → 200
  160 s  follower POST /i139-f/_ccr/resume_follow → 200
  160 s  follower POST /i14-f/_ccr/pause_follow → 200
  160 s  follower POST /i14-f/_ccr/resume_follow → 200
  160 s  follower POST /i140-f/_ccr/pause_follow → 200
  160 s  follower POST /i140-f/_ccr/resume_follow → 200
  160 s  follower POST /i152-f/_ccr/pause_follow → 200
  160 s  follower POST /i152-f/_ccr/resume_follow → 200
  170 s  follower POST /i142-f/_ccr/pause_follow → 200
  170 s  follower POST /i142-f/_ccr/resume_follow → 200
  170 s  follower POST /i143-f/_ccr/pause_follow → 200
  170 s  follower POST /i143-f/_ccr/resume_follow → 200
  170 s  follower POST /i144-f/_ccr/pause_follow → 200
  170 s  follower POST /i144-f/_ccr/resume_follow → 200
  170 s  follower POST /i156-f/_ccr/pause_follow → 200
  170 s  follower POST /i156-f/_ccr/resume_follow → 200
  180 s  follower POST /i146-f/_ccr/pause_follow → 200
  180 s  follower POST /i146-f/_ccr/resume_follow → 200
  180 s  follower POST /i147-f/_ccr/pause_follow → 200
  180 s  follower POST /i147-f/_ccr/resume_follow → 200
  180 s  follower POST /i148-f/_ccr/pause_follow → 200
  180 s  follower POST /i148-f/_ccr/resume_follow → 200
  180 s  follower POST /i16-f/_ccr/pause_follow → 200
  180 s  follower POST /i16-f/_ccr/resume_follow → 200
  190 s  follower POST /i15-f/_ccr/pause_follow → 200
  190 s  follower POST /i15-f/_ccr/resume_follow → 200
  190 s  follower POST /i150-f/_ccr/pause_follow → 200
  190 s  follower POST /i150-f/_ccr/resume_follow → 200
  190 s  follower POST /i151-f/_ccr/pause_follow → 200
  190 s  follower POST /i151-f/_ccr/resume_follow → 200
  190 s  follower POST /i163-f/_ccr/pause_follow → 200
  190 s  follower POST /i163-f/_ccr/resume_follow → 200
  200 s  follower POST /i153-f/_ccr/pause_follow → 200
  200 s  follower POST /i153-f/_ccr/resume_follow → 200
  200 s  follower POST /i154-f/_ccr/pause_follow → 200
  200 s  follower POST /i154-f/_ccr/resume_follow → 200
  200 s  follower POST /i155-f/_ccr/pause_follow → 200
  200 s  follower POST /i155-f/_ccr/resume_follow → 200
  200 s  follower POST /i167-f/_ccr/pause_follow → 200
  200 s  follower POST /i167-f/_ccr/resume_follow → 200
  210 s  follower POST /i157-f/_ccr/pause_follow → 200
  210 s  follower POST /i157-f/_ccr/resume_follow → 200
  210 s  follower POST /i158-f/_ccr/pause_follow → 200
  210 s  follower POST /i158-f/_ccr/resume_follow → 200
  210 s  follower POST /i159-f/_ccr/pause_follow → 200
  210 s  follower POST /i159-f/_ccr/resume_follow → 200
  210 s  follower POST /i170-f/_ccr/pause_follow → 200
  210 s  follower POST /i170-f/_ccr/resume_follow → 200
  220 s  follower POST /i160-f/_ccr/pause_follow → 200
  220 s  follower POST /i160-f/_ccr/resume_follow → 200
  220 s  follower POST /i161-f/_ccr/pause_follow → 200
  220 s  follower POST /i161-f/_ccr/resume_follow → 200
  220 s  follower POST /i162-f/_ccr/pause_follow → 200
  220 s  follower POST /i162-f/_ccr/resume_follow → 200
  220 s  follower POST /i174-f/_ccr/pause_follow → 200
  220 s  follower POST /i174-f/_ccr/resume_follow → 200
  230 s  follower POST /i164-f/_ccr/pause_follow → 200
  230 s  follower POST /i164-f/_ccr/resume_follow → 200
  230 s  follower POST /i165-f/_ccr/pause_follow → 200
  230 s  follower POST /i165-f/_ccr/resume_follow → 200
  230 s  follower POST /i166-f/_ccr/pause_follow → 200
  230 s  follower POST /i166-f/_ccr/resume_follow → 200
  230 s  follower POST /i178-f/_ccr/pause_follow → 200
  230 s  follower POST /i178-f/_ccr/resume_follow → 200
  240 s  follower POST /i168-f/_ccr/pause_follow → 200
  240 s  follower POST /i168-f/_ccr/resume_follow → 200
  240 s  follower POST /i169-f/_ccr/pause_follow → 200
  240 s  follower POST /i169-f/_ccr/resume_follow → 200
  240 s  follower POST /i17-f/_ccr/pause_follow → 200
  240 s  follower POST /i17-f/_ccr/resume_follow → 200
  240 s  follower POST /i181-f/_ccr/pause_follow → 200
  240 s  follower POST /i181-f/_ccr/resume_follow → 200
  250 s  follower POST /i171-f/_ccr/pause_follow → 200
  250 s  follower POST /i171-f/_ccr/resume_follow → 200
  250 s  follower POST /i172-f/_ccr/pause_follow → 200
  250 s  follower POST /i172-f/_ccr/resume_follow → 200
  250 s  follower POST /i173-f/_ccr/pause_follow → 200
  250 s  follower POST /i173-f/_ccr/resume_follow → 200
  250 s  follower POST /i185-f/_ccr/pause_follow → 200
  250 s  follower POST /i185-f/_ccr/resume_follow → 200
  260 s  follower POST /i175-f/_ccr/pause_follow → 200
  260 s  follower POST /i175-f/_ccr/resume_follow → 200
  260 s  follower POST /i176-f/_ccr/pause_follow → 200
  260 s  follower POST /i176-f/_ccr/resume_follow → 200
  260 s  follower POST /i177-f/_ccr/pause_follow → 200
  260 s  follower POST /i177-f/_ccr/resume_follow → 200
  260 s  follower POST /i189-f/_ccr/pause_follow → 200
  260 s  follower POST /i189-f/_ccr/resume_follow → 200
  270 s  follower POST /i179-f/_ccr/pause_follow → 200
  270 s  follower POST /i179-f/_ccr/resume_follow → 200
  270 s  follower POST /i18-f/_ccr/pause_follow → 200
  270 s  follower POST /i18-f/_ccr/resume_follow → 200
  270 s  follower POST /i180-f/_ccr/pause_follow → 200
  270 s  follower POST /i180-f/_ccr/resume_follow → 200
  270 s  follower POST /i192-f/_ccr/pause_follow → 200
  270 s  follower POST /i192-f/_ccr/resume_follow → 200
  280 s  follower POST /i182-f/_ccr/pause_follow → 200
  280 s  follower POST /i182-f/_ccr/resume_follow → 200
  280 s  follower POST /i183-f/_ccr/pause_follow → 200
  280 s  follower POST /i183-f/_ccr/resume_follow → 200
  280 s  follower POST /i184-f/_ccr/pause_follow → 200
  280 s  follower POST /i184-f/_ccr/resume_follow → 200
  280 s  follower POST /i196-f/_ccr/pause_follow → 200
  280 s  follower POST /i196-f/_ccr/resume_follow → 200
  290 s  follower POST /i186-f/_ccr/pause_follow → 200
  290 s  follower POST /i186-f/_ccr/resume_follow → 200
  290 s  follower POST /i187-f/_ccr/pause_follow → 200
  290 s  follower POST /i187-f/_ccr/resume_follow → 200
  290 s  follower POST /i188-f/_ccr/pause_follow → 200
  290 s  follower POST /i188-f/_ccr/resume_follow → 200
  290 s  follower POST /i20-f/_ccr/pause_follow → 200
  290 s  follower POST /i20-f/_ccr/resume_follow → 200
  300 s  follower POST /i19-f/_ccr/pause_follow → 200
  300 s  follower POST /i19-f/_ccr/resume_follow → 200
  300 s  follower POST /i190-f/_ccr/pause_follow → 200
  300 s  follower POST /i190-f/_ccr/resume_follow → 200
  300 s  follower POST /i191-f/_ccr/pause_follow → 200
  300 s  follower POST /i191-f/_ccr/resume_follow → 200
  300 s  follower POST /i203-f/_ccr/pause_follow → 200
  300 s  follower POST /i203-f/_ccr/resume_follow → 200
  310 s  follower POST /i193-f/_ccr/pause_follow → 200
  310 s  follower POST /i193-f/_ccr/resume_follow → 200
  310 s  follower POST /i194-f/_ccr/pause_follow → 200
  310 s  follower POST /i194-f/_ccr/resume_follow → 200
  310 s  follower POST /i195-f/_ccr/pause_follow → 200
  310 s  follower POST /i195-f/_ccr/resume_follow → 200
  310 s  follower POST /i207-f/_ccr/pause_follow → 200
  310 s  follower POST /i207-f/_ccr/resume_follow → 200
  320 s  follower POST /i197-f/_ccr/pause_follow → 200
  320 s  follower POST /i197-f/_ccr/resume_follow → 200
  320 s  follower POST /i198-f/_ccr/pause_follow → 200
  320 s  follower POST /i198-f/_ccr/resume_follow → 200
  320 s  follower POST /i199-f/_ccr/pause_follow → 200
  320 s  follower POST /i199-f/_ccr/resume_follow → 200
  320 s  follower POST /i210-f/_ccr/pause_follow → 200
  320 s  follower POST /i210-f/_ccr/resume_follow → 200
  330 s  follower POST /i200-f/_ccr/pause_follow → 200
  330 s  follower POST /i200-f/_ccr/resume_follow → 200
  330 s  follower POST /i201-f/_ccr/pause_follow → 200
  330 s  follower POST /i201-f/_ccr/resume_follow → 200
  330 s  follower POST /i202-f/_ccr/pause_follow → 200
  330 s  follower POST /i202-f/_ccr/resume_follow → 200
  330 s  follower POST /i214-f/_ccr/pause_follow → 200
  330 s  follower POST /i214-f/_ccr/resume_follow → 200
  340 s  follower POST /i204-f/_ccr/pause_follow → 200
  340 s  follower POST /i204-f/_ccr/resume_follow → 200
  340 s  follower POST /i205-f/_ccr/pause_follow → 200
  340 s  follower POST /i205-f/_ccr/resume_follow → 200
  340 s  follower POST /i206-f/_ccr/pause_follow → 200
  340 s  follower POST /i206-f/_ccr/resume_follow → 200
  340 s  follower POST /i218-f/_ccr/pause_follow → 200
  340 s  follower POST /i218-f/_ccr/resume_follow → 200
  350 s  follower POST /i208-f/_ccr/pause_follow → 200
  350 s  follower POST /i208-f/_ccr/resume_follow → 200
  350 s  follower POST /i209-f/_ccr/pause_follow → 200
  350 s  follower POST /i209-f/_ccr/resume_follow → 200
  350 s  follower POST /i21-f/_ccr/pause_follow → 200
  350 s  follower POST /i21-f/_ccr/resume_follow → 200
  350 s  follower POST /i221-f/_ccr/pause_follow → 200
  350 s  follower POST /i221-f/_ccr/resume_follow → 200
  360 s  follower POST /i211-f/_ccr/pause_follow → 200
  360 s  follower POST /i211-f/_ccr/resume_follow → 200
  360 s  follower POST /i212-f/_ccr/pause_follow → 200
  360 s  follower POST /i212-f/_ccr/resume_follow → 200
  360 s  follower POST /i213-f/_ccr/pause_follow → 200
  360 s  follower POST /i213-f/_ccr/resume_follow → 200
  360 s  follower POST /i225-f/_ccr/pause_follow → 200
  360 s  follower POST /i225-f/_ccr/resume_follow → 200
  370 s  follower POST /i215-f/_ccr/pause_follow → 200
  370 s  follower POST /i215-f/_ccr/resume_follow → 200
  370 s  follower POST /i216-f/_ccr/pause_follow → 200
  370 s  follower POST /i216-f/_ccr/resume_follow → 200
  370 s  follower POST /i217-f/_ccr/pause_follow → 200
  370 s  follower POST /i217-f/_ccr/resume_follow → 200
  370 s  follower POST /i229-f/_ccr/pause_follow → 200
  370 s  follower POST /i229-f/_ccr/resume_follow → 200
  380 s  follower POST /i219-f/_ccr/pause_follow → 200
  380 s  follower POST /i219-f/_ccr/resume_follow → 200
  380 s  follower POST /i22-f/_ccr/pause_follow → 200
  380 s  follower POST /i22-f/_ccr/resume_follow → 200
  380 s  follower POST /i220-f/_ccr/pause_follow → 200
  380 s  follower POST /i220-f/_ccr/resume_follow → 200
  380 s  follower POST /i232-f/_ccr/pause_follow → 200
  380 s  follower POST /i232-f/_ccr/resume_follow → 200
  390 s  follower POST /i222-f/_ccr/pause_follow → 200
  390 s  follower POST /i222-f/_ccr/resume_follow → 200
  390 s  follower POST /i223-f/_ccr/pause_follow → 200
  390 s  follower POST /i223-f/_ccr/resume_follow → 200
  390 s  follower POST /i224-f/_ccr/pause_follow → 200
  390 s  follower POST /i224-f/_ccr/resume_follow → 200
  390 s  follower POST /i236-f/_ccr/pause_follow → 200
  390 s  follower POST /i236-f/_ccr/resume_follow → 200
  400 s  follower POST /i226-f/_ccr/pause_follow → 200
  400 s  follower POST /i226-f/_ccr/resume_follow → 200
  400 s  follower POST /i227-f/_ccr/pause_follow → 200
  400 s  follower POST /i227-f/_ccr/resume_follow → 200
  400 s  follower POST /i228-f/_ccr/pause_follow → 200
  400 s  follower POST /i228-f/_ccr/resume_follow → 200
  400 s  follower POST /i24-f/_ccr/pause_follow → 200
  400 s  follower POST /i24-f/_ccr/resume_follow → 200
  410 s  follower POST /i23-f/_ccr/pause_follow → 200
  410 s  follower POST /i23-f/_ccr/resume_follow → 200
  410 s  follower POST /i230-f/_ccr/pause_follow → 200
  410 s  follower POST /i230-f/_ccr/resume_follow → 200
  410 s  follower POST /i231-f/_ccr/pause_follow → 200
  410 s  follower POST /i231-f/_ccr/resume_follow → 200
  410 s  follower POST /i243-f/_ccr/pause_follow → 200
  410 s  follower POST /i243-f/_ccr/resume_follow → 200
  420 s  follower POST /i233-f/_ccr/pause_follow → 200
  420 s  follower POST /i233-f/_ccr/resume_follow → 200
  420 s  follower POST /i234-f/_ccr/pause_follow → 200
  420 s  follower POST /i234-f/_ccr/resume_follow → 200
  420 s  follower POST /i235-f/_ccr/pause_follow → 200
  420 s  follower POST /i235-f/_ccr/resume_follow → 200
  420 s  follower POST /i247-f/_ccr/pause_follow → 200
  420 s  follower POST /i247-f/_ccr/resume_follow → 200
  430 s  follower POST /i237-f/_ccr/pause_follow → 200
  430 s  follower POST /i237-f/_ccr/resume_follow → 200
  430 s  follower POST /i238-f/_ccr/pause_follow → 200
  430 s  follower POST /i238-f/_ccr/resume_follow → 200
  430 s  follower POST /i239-f/_ccr/pause_follow → 200
  430 s  follower POST /i239-f/_ccr/resume_follow → 200
  430 s  follower POST /i250-f/_ccr/pause_follow → 200
  430 s  follower POST /i250-f/_ccr/resume_follow → 200
  440 s  follower POST /i240-f/_ccr/pause_follow → 200
  440 s  follower POST /i240-f/_ccr/resume_follow → 200
  440 s  follower POST /i241-f/_ccr/pause_follow → 200
  440 s  follower POST /i241-f/_ccr/resume_follow → 200
  440 s  follower POST /i242-f/_ccr/pause_follow → 200
  440 s  follower POST /i242-f/_ccr/resume_follow → 200
  440 s  follower POST /i254-f/_ccr/pause_follow → 200
  440 s  follower POST /i254-f/_ccr/resume_follow → 200
  450 s  follower POST /i244-f/_ccr/pause_follow → 200
  450 s  follower POST /i244-f/_ccr/resume_follow → 200
  450 s  follower POST /i245-f/_ccr/pause_follow → 200
  450 s  follower POST /i245-f/_ccr/resume_follow → 200
  450 s  follower POST /i246-f/_ccr/pause_follow → 200
  450 s  follower POST /i246-f/_ccr/resume_follow → 200
  450 s  follower POST /i258-f/_ccr/pause_follow → 200
  450 s  follower POST /i258-f/_ccr/resume_follow → 200
  460 s  follower POST /i248-f/_ccr/pause_follow → 200
  460 s  follower POST /i248-f/_ccr/resume_follow → 200
  460 s  follower POST /i249-f/_ccr/pause_follow → 200
  460 s  follower POST /i249-f/_ccr/resume_follow → 200
  460 s  follower POST /i25-f/_ccr/pause_follow → 200
  460 s  follower POST /i25-f/_ccr/resume_follow → 200
  460 s  follower POST /i261-f/_ccr/pause_follow → 200
  460 s  follower POST /i261-f/_ccr/resume_follow → 200
  470 s  follower POST /i251-f/_ccr/pause_follow → 200
  470 s  follower POST /i251-f/_ccr/resume_follow → 200
  470 s  follower POST /i252-f/_ccr/pause_follow → 200
  470 s  follower POST /i252-f/_ccr/resume_follow → 200
  470 s  follower POST /i253-f/_ccr/pause_follow → 200
  470 s  follower POST /i253-f/_ccr/resume_follow → 200
  470 s  follower POST /i265-f/_ccr/pause_follow → 200
  470 s  follower POST /i265-f/_ccr/resume_follow → 200
  480 s  follower POST /i255-f/_ccr/pause_follow → 200
  480 s  follower POST /i255-f/_ccr/resume_follow → 200
  480 s  follower POST /i256-f/_ccr/pause_follow → 200
  480 s  follower POST /i256-f/_ccr/resume_follow → 200
  480 s  follower POST /i257-f/_ccr/pause_follow → 200
  480 s  follower POST /i257-f/_ccr/resume_follow → 200
  480 s  follower POST /i269-f/_ccr/pause_follow → 200
  480 s  follower POST /i269-f/_ccr/resume_follow → 200
  490 s  follower POST /i259-f/_ccr/pause_follow → 200
  490 s  follower POST /i259-f/_ccr/resume_follow → 200
  490 s  follower POST /i26-f/_ccr/pause_follow → 200
  490 s  follower POST /i26-f/_ccr/resume_follow → 200
  490 s  follower POST /i260-f/_ccr/pause_follow → 200
  490 s  follower POST /i260-f/_ccr/resume_follow → 200
  490 s  follower POST /i272-f/_ccr/pause_follow → 200
  490 s  follower POST /i272-f/_ccr/resume_follow → 200
  500 s  follower POST /i262-f/_ccr/pause_follow → 200
  500 s  follower POST /i262-f/_ccr/resume_follow → 200
  500 s  follower POST /i263-f/_ccr/pause_follow → 200
  500 s  follower POST /i263-f/_ccr/resume_follow → 200
  500 s  follower POST /i264-f/_ccr/pause_follow → 200
  500 s  follower POST /i264-f/_ccr/resume_follow → 200
  500 s  follower POST /i276-f/_ccr/pause_follow → 200
  500 s  follower POST /i276-f/_ccr/resume_follow → 200
  510 s  follower POST /i266-f/_ccr/pause_follow → 200
  510 s  follower POST /i266-f/_ccr/resume_follow → 200
  510 s  follower POST /i267-f/_ccr/pause_follow → 200
  510 s  follower POST /i267-f/_ccr/resume_follow → 200
  510 s  follower POST /i268-f/_ccr/pause_follow → 200
  510 s  follower POST /i268-f/_ccr/resume_follow → 200
  510 s  follower POST /i27-f/_ccr/pause_follow → 200
  510 s  follower POST /i27-f/_ccr/resume_follow → 200
  520 s  follower POST /i270-f/_ccr/pause_follow → 200
  520 s  follower POST /i270-f/_ccr/resume_follow → 200
  520 s  follower POST /i271-f/_ccr/pause_follow → 200
  520 s  follower POST /i271-f/_ccr/resume_follow → 200
  520 s  follower POST /i273-f/_ccr/pause_follow → 200
  520 s  follower POST /i273-f/_ccr/resume_follow → 200
  520 s  follower POST /i274-f/_ccr/pause_follow → 200
  520 s  follower POST /i274-f/_ccr/resume_follow → 200
  530 s  follower POST /i275-f/_ccr/pause_follow → 200
  530 s  follower POST /i275-f/_ccr/resume_follow → 200
  530 s  follower POST /i277-f/_ccr/pause_follow → 200
  530 s  follower POST /i277-f/_ccr/resume_follow → 200
  530 s  follower POST /i278-f/_ccr/pause_follow → 200
  530 s  follower POST /i278-f/_ccr/resume_follow → 200
  530 s  follower POST /i279-f/_ccr/pause_follow → 200
  530 s  follower POST /i279-f/_ccr/resume_follow → 200
  540 s  follower POST /i28-f/_ccr/pause_follow → 200
  540 s  follower POST /i28-f/_ccr/resume_follow → 200
  540 s  follower POST /i280-f/_ccr/pause_follow → 200
  540 s  follower POST /i280-f/_ccr/resume_follow → 200
  540 s  follower POST /i281-f/_ccr/pause_follow → 200
  540 s  follower POST /i281-f/_ccr/resume_follow → 200
  540 s  follower POST /i282-f/_ccr/pause_follow → 200
  540 s  follower POST /i282-f/_ccr/resume_follow → 200
  550 s  follower POST /i283-f/_ccr/pause_follow → 200
  550 s  follower POST /i283-f/_ccr/resume_follow → 200
  550 s  follower POST /i284-f/_ccr/pause_follow → 200
  550 s  follower POST /i284-f/_ccr/resume_follow → 200
  550 s  follower POST /i285-f/_ccr/pause_follow → 200
  550 s  follower POST /i285-f/_ccr/resume_follow → 200
  550 s  follower POST /i286-f/_ccr/pause_follow → 200
  550 s  follower POST /i286-f/_ccr/resume_follow → 200
  560 s  follower POST /i287-f/_ccr/pause_follow → 200
  560 s  follower POST /i287-f/_ccr/resume_follow → 200
  560 s  follower POST /i288-f/_ccr/pause_follow → 200
  560 s  follower POST /i288-f/_ccr/resume_follow → 200
  560 s  follower POST /i289-f/_ccr/pause_follow → 200
  560 s  follower POST /i289-f/_ccr/resume_follow → 200
  560 s  follower POST /i29-f/_ccr/pause_follow → 200
  560 s  follower POST /i29-f/_ccr/resume_follow → 200
  590 s  follower POST /i290-f/_ccr/pause_follow → 200
  590 s  follower POST /i290-f/_ccr/resume_follow → 200
  592 s  follower POST /i291-f/_ccr/pause_follow → 200
  592 s  follower POST /i291-f/_ccr/resume_follow → 200
  592 s  follower POST /i292-f/_ccr/pause_follow → 200
  592 s  follower POST /i292-f/_ccr/resume_follow → 200
  592 s  follower POST /i293-f/_ccr/pause_follow → 200
  592 s  follower POST /i293-f/_ccr/resume_follow → 200
  620 s  follower POST /i294-f/_ccr/pause_follow → 200
  620 s  follower POST /i294-f/_ccr/resume_follow → 200
  622 s  follower POST /i295-f/_ccr/pause_follow → 200
  622 s  follower POST /i295-f/_ccr/resume_follow → 200
  624 s  follower POST /i296-f/_ccr/pause_follow → 200
  624 s  follower POST /i296-f/_ccr/resume_follow → 200
  624 s  follower POST /i297-f/_ccr/pause_follow → 200
  624 s  follower POST /i297-f/_ccr/resume_follow → 200
  650 s  follower POST /i298-f/_ccr/pause_follow → 200
  650 s  follower POST /i298-f/_ccr/resume_follow → 200
  654 s  follower POST /i299-f/_ccr/pause_follow → 200
  654 s  follower POST /i299-f/_ccr/resume_follow → 200
  654 s  follower POST /i30-f/_ccr/pause_follow → 200
  654 s  follower POST /i30-f/_ccr/resume_follow → 200
  656 s  follower POST /i300-f/_ccr/pause_follow → 200
  656 s  follower POST /i300-f/_ccr/resume_follow → 200
  680 s  follower POST /i301-f/_ccr/pause_follow → 200
  680 s  follower POST /i301-f/_ccr/resume_follow → 200
  684 s  follower POST /i302-f/_ccr/pause_follow → 200
  684 s  follower POST /i302-f/_ccr/resume_follow → 200
  686 s  follower POST /i303-f/_ccr/pause_follow → 200
  686 s  follower POST /i303-f/_ccr/resume_follow → 200
  686 s  follower POST /i304-f/_ccr/pause_follow → 200
  686 s  follower POST /i304-f/_ccr/resume_follow → 200
  712 s  follower POST /i305-f/_ccr/pause_follow → 200
  712 s  follower POST /i305-f/_ccr/resume_follow → 200
  714 s  follower POST /i306-f/_ccr/pause_follow → 200
  714 s  follower POST /i306-f/_ccr/resume_follow → 200
  716 s  follower POST /i307-f/_ccr/pause_follow → 200
  716 s  follower POST /i307-f/_ccr/resume_follow → 200
  718 s  follower POST /i308-f/_ccr/pause_follow → 200
  718 s  follower POST /i308-f/_ccr/resume_follow → 200
  744 s  follower POST /i309-f/_ccr/pause_follow → 200
  744 s  follower POST /i309-f/_ccr/resume_follow → 200
  744 s  follower POST /i31-f/_ccr/pause_follow → 200
  744 s  follower POST /i31-f/_ccr/resume_follow → 200
  748 s  follower POST /i310-f/_ccr/pause_follow → 200
  748 s  follower POST /i310-f/_ccr/resume_follow → 200
  748 s  follower POST /i311-f/_ccr/pause_follow → 200
  748 s  follower POST /i311-f/_ccr/resume_follow → 200
  776 s  follower POST /i312-f/_ccr/pause_follow → 200
  776 s  follower POST /i312-f/_ccr/resume_follow → 200
  776 s  follower POST /i313-f/_ccr/pause_follow → 200
  776 s  follower POST /i313-f/_ccr/resume_follow → 200
  778 s  follower POST /i314-f/_ccr/pause_follow → 200
  778 s  follower POST /i314-f/_ccr/resume_follow → 200
  780 s  follower POST /i315-f/_ccr/pause_follow → 200
  780 s  follower POST /i315-f/_ccr/resume_follow → 200
  806 s  follower POST /i316-f/_ccr/pause_follow → 200
  806 s  follower POST /i316-f/_ccr/resume_follow → 200
  808 s  follower POST /i317-f/_ccr/pause_follow → 200
  808 s  follower POST /i317-f/_ccr/resume_follow → 200
  808 s  follower POST /i318-f/_ccr/pause_follow → 200
  808 s  follower POST /i318-f/_ccr/resume_follow → 200
  812 s  follower POST /i319-f/_ccr/pause_follow → 200
  812 s  follower POST /i319-f/_ccr/resume_follow → 200
  836 s  follower POST /i32-f/_ccr/pause_follow → 200
  836 s  follower POST /i32-f/_ccr/resume_follow → 200
  838 s  follower POST /i320-f/_ccr/pause_follow → 200
  838 s  follower POST /i320-f/_ccr/resume_follow → 200
  840 s  follower POST /i321-f/_ccr/pause_follow → 200
  840 s  follower POST /i321-f/_ccr/resume_follow → 200
  844 s  follower POST /i322-f/_ccr/pause_follow → 200
  844 s  follower POST /i322-f/_ccr/resume_follow → 200
  866 s  follower POST /i323-f/_ccr/pause_follow → 200
  866 s  follower POST /i323-f/_ccr/resume_follow → 200
  868 s  follower POST /i324-f/_ccr/pause_follow → 200
  868 s  follower POST /i324-f/_ccr/resume_follow → 200
  872 s  follower POST /i325-f/_ccr/pause_follow → 200
  872 s  follower POST /i325-f/_ccr/resume_follow → 200
  874 s  follower POST /i326-f/_ccr/pause_follow → 200
  874 s  follower POST /i326-f/_ccr/resume_follow → 200
  898 s  follower POST /i327-f/_ccr/pause_follow → 200
  898 s  follower POST /i327-f/_ccr/resume_follow → 200
  898 s  follower POST /i328-f/_ccr/pause_follow → 200
  898 s  follower POST /i328-f/_ccr/resume_follow → 200
  904 s  follower POST /i329-f/_ccr/pause_follow → 200
  904 s  follower POST /i329-f/_ccr/resume_follow → 200
  904 s  follower POST /i33-f/_ccr/pause_follow → 200
  904 s  follower POST /i33-f/_ccr/resume_follow → 200
  928 s  follower POST /i330-f/_ccr/pause_follow → 200
  928 s  follower POST /i330-f/_ccr/resume_follow → 200
  930 s  follower POST /i331-f/_ccr/pause_follow → 200
  930 s  follower POST /i331-f/_ccr/resume_follow → 200
  936 s  follower POST /i332-f/_ccr/pause_follow → 200
  936 s  follower POST /i332-f/_ccr/resume_follow → 200
  936 s  follower POST /i333-f/_ccr/pause_follow → 200
  936 s  follower POST /i333-f/_ccr/resume_follow → 200
  958 s  follower POST /i334-f/_ccr/pause_follow → 200
  958 s  follower POST /i334-f/_ccr/resume_follow → 200
  962 s  follower POST /i335-f/_ccr/pause_follow → 200
  962 s  follower POST /i335-f/_ccr/resume_follow → 200
  966 s  follower POST /i336-f/_ccr/pause_follow → 200
  966 s  follower POST /i336-f/_ccr/resume_follow → 200
  968 s  follower POST /i337-f/_ccr/pause_follow → 200
  968 s  follower POST /i337-f/_ccr/resume_follow → 200
  988 s  follower POST /i338-f/_ccr/pause_follow → 200
  988 s  follower POST /i338-f/_ccr/resume_follow → 200
  994 s  follower POST /i339-f/_ccr/pause_follow → 200
  994 s  follower POST /i339-f/_ccr/resume_follow → 200
  996 s  follower POST /i34-f/_ccr/pause_follow → 200
  996 s  follower POST /i34-f/_ccr/resume_follow → 200
 1000 s  follower POST /i340-f/_ccr/pause_follow → 200
 1000 s  follower POST /i340-f/_ccr/resume_follow → 200
 1018 s  follower POST /i341-f/_ccr/pause_follow → 200
 1018 s  follower POST /i341-f/_ccr/resume_follow → 200
 1026 s  follower POST /i342-f/_ccr/pause_follow → 200
 1026 s  follower POST /i342-f/_ccr/resume_follow → 200
 1026 s  follower POST /i343-f/_ccr/pause_follow → 200
 1026 s  follower POST /i343-f/_ccr/resume_follow → 200
 1030 s  follower POST /i344-f/_ccr/pause_follow → 200
 1030 s  follower POST /i344-f/_ccr/resume_follow → 200
 1050 s  follower POST /i345-f/_ccr/pause_follow → 200
 1050 s  follower POST /i345-f/_ccr/resume_follow → 200
 1056 s  follower POST /i346-f/_ccr/pause_follow → 200
 1056 s  follower POST /i346-f/_ccr/resume_follow → 200
 1058 s  follower POST /i347-f/_ccr/pause_follow → 200
 1058 s  follower POST /i347-f/_ccr/resume_follow → 200
 1060 s  follower POST /i348-f/_ccr/pause_follow → 200
 1060 s  follower POST /i348-f/_ccr/resume_follow → 200
 1082 s  follower POST /i349-f/_ccr/pause_follow → 200
 1082 s  follower POST /i349-f/_ccr/resume_follow → 200
 1086 s  follower POST /i35-f/_ccr/pause_follow → 200
 1086 s  follower POST /i35-f/_ccr/resume_follow → 200
 1090 s  follower POST /i350-f/_ccr/pause_follow → 200
 1090 s  follower POST /i350-f/_ccr/resume_follow → 200
 1090 s  follower POST /i351-f/_ccr/pause_follow → 200
 1090 s  follower POST /i351-f/_ccr/resume_follow → 200
 1114 s  follower POST /i352-f/_ccr/pause_follow → 200
 1114 s  follower POST /i352-f/_ccr/resume_follow → 200
 1118 s  follower POST /i353-f/_ccr/pause_follow → 200
 1118 s  follower POST /i353-f/_ccr/resume_follow → 200
 1120 s  follower POST /i354-f/_ccr/pause_follow → 200
 1120 s  follower POST /i354-f/_ccr/resume_follow → 200
 1122 s  follower POST /i355-f/_ccr/pause_follow → 200
 1122 s  follower POST /i355-f/_ccr/resume_follow → 200
 1144 s  follower POST /i356-f/_ccr/pause_follow → 200
 1144 s  follower POST /i356-f/_ccr/resume_follow → 200
 1150 s  follower POST /i357-f/_ccr/pause_follow → 200
 1150 s  follower POST /i357-f/_ccr/resume_follow → 200
 1150 s  follower POST /i358-f/_ccr/pause_follow → 200
 1150 s  follower POST /i358-f/_ccr/resume_follow → 200
 1154 s  follower POST /i359-f/_ccr/pause_follow → 200
 1154 s  follower POST /i359-f/_ccr/resume_follow → 200
 1174 s  follower POST /i36-f/_ccr/pause_follow → 200
 1174 s  follower POST /i36-f/_ccr/resume_follow → 200
 1180 s  follower POST /i360-f/_ccr/pause_follow → 200
 1180 s  follower POST /i360-f/_ccr/resume_follow → 200
 1182 s  follower POST /i361-f/_ccr/pause_follow → 200
 1182 s  follower POST /i361-f/_ccr/resume_follow → 200
 1186 s  follower POST /i362-f/_ccr/pause_follow → 200
 1186 s  follower POST /i362-f/_ccr/resume_follow → 200
 1204 s  follower POST /i363-f/_ccr/pause_follow → 200
 1204 s  follower POST /i363-f/_ccr/resume_follow → 200
 1210 s  follower POST /i364-f/_ccr/pause_follow → 200
 1210 s  follower POST /i364-f/_ccr/resume_follow → 200
 1214 s  follower POST /i365-f/_ccr/pause_follow → 200
 1214 s  follower POST /i365-f/_ccr/resume_follow → 200
 1216 s  follower POST /i366-f/_ccr/pause_follow → 200
 1216 s  follower POST /i366-f/_ccr/resume_follow → 200
 1236 s  follower POST /i367-f/_ccr/pause_follow → 200
 1236 s  follower POST /i367-f/_ccr/resume_follow → 200
 1240 s  follower POST /i368-f/_ccr/pause_follow → 200
 1240 s  follower POST /i368-f/_ccr/resume_follow → 200
 1246 s  follower POST /i369-f/_ccr/pause_follow → 200
 1246 s  follower POST /i369-f/_ccr/resume_follow → 200
 1246 s  follower POST /i37-f/_ccr/pause_follow → 200
 1246 s  follower POST /i37-f/_ccr/resume_follow → 200
 1268 s  follower POST /i370-f/_ccr/pause_follow → 200
 1268 s  follower POST /i370-f/_ccr/resume_follow → 200
 1270 s  follower POST /i371-f/_ccr/pause_follow → 200
 1270 s  follower POST /i371-f/_ccr/resume_follow → 200
 1278 s  follower POST /i372-f/_ccr/pause_follow → 200
 1278 s  follower POST /i372-f/_ccr/resume_follow → 200
 1278 s  follower POST /i373-f/_ccr/pause_follow → 200
 1278 s  follower POST /i373-f/_ccr/resume_follow → 200
 1298 s  follower POST /i374-f/_ccr/pause_follow → 200
 1298 s  follower POST /i374-f/_ccr/resume_follow → 200
 1302 s  follower POST /i375-f/_ccr/pause_follow → 200
 1302 s  follower POST /i375-f/_ccr/resume_follow → 200
 1308 s  follower POST /i376-f/_ccr/pause_follow → 200
 1308 s  follower POST /i376-f/_ccr/resume_follow → 200
 1310 s  follower POST /i377-f/_ccr/pause_follow → 200
 1310 s  follower POST /i377-f/_ccr/resume_follow → 200
 1328 s  follower POST /i378-f/_ccr/pause_follow → 200
 1328 s  follower POST /i378-f/_ccr/resume_follow → 200
 1334 s  follower POST /i379-f/_ccr/pause_follow → 200
 1334 s  follower POST /i379-f/_ccr/resume_follow → 200
 1338 s  follower POST /i38-f/_ccr/pause_follow → 200
 1338 s  follower POST /i38-f/_ccr/resume_follow → 200
 1342 s  follower POST /i380-f/_ccr/pause_follow → 200
 1342 s  follower POST /i380-f/_ccr/resume_follow → 200
 1358 s  follower POST /i381-f/_ccr/pause_follow → 200
 1358 s  follower POST /i381-f/_ccr/resume_follow → 200
 1366 s  follower POST /i382-f/_ccr/pause_follow → 200
 1366 s  follower POST /i382-f/_ccr/resume_follow → 200
 1368 s  follower POST /i383-f/_ccr/pause_follow → 200
 1368 s  follower POST /i383-f/_ccr/resume_follow → 200
 1372 s  follower POST /i384-f/_ccr/pause_follow → 200
 1372 s  follower POST /i384-f/_ccr/resume_follow → 200
 1390 s  follower POST /i385-f/_ccr/pause_follow → 200
 1390 s  follower POST /i385-f/_ccr/resume_follow → 200
 1396 s  follower POST /i386-f/_ccr/pause_follow → 200
 1396 s  follower POST /i386-f/_ccr/resume_follow → 200
 1400 s  follower POST /i387-f/_ccr/pause_follow → 200
 1400 s  follower POST /i387-f/_ccr/resume_follow → 200
 1402 s  follower POST /i388-f/_ccr/pause_follow → 200
 1402 s  follower POST /i388-f/_ccr/resume_follow → 200
 1422 s  follower POST /i389-f/_ccr/pause_follow → 200
 1422 s  follower POST /i389-f/_ccr/resume_follow → 200
 1426 s  follower POST /i39-f/_ccr/pause_follow → 200
 1426 s  follower POST /i39-f/_ccr/resume_follow → 200
 1432 s  follower POST /i390-f/_ccr/pause_follow → 200
 1432 s  follower POST /i390-f/_ccr/resume_follow → 200
 1432 s  follower POST /i391-f/_ccr/pause_follow → 200
 1432 s  follower POST /i391-f/_ccr/resume_follow → 200
 1454 s  follower POST /i392-f/_ccr/pause_follow → 200
 1454 s  follower POST /i392-f/_ccr/resume_follow → 200
 1458 s  follower POST /i393-f/_ccr/pause_follow → 200
 1458 s  follower POST /i393-f/_ccr/resume_follow → 200
 1462 s  follower POST /i394-f/_ccr/pause_follow → 200
 1462 s  follower POST /i394-f/_ccr/resume_follow → 200
 1464 s  follower POST /i395-f/_ccr/pause_follow → 200
 1464 s  follower POST /i395-f/_ccr/resume_follow → 200
 1484 s  follower POST /i396-f/_ccr/pause_follow → 200
 1484 s  follower POST /i396-f/_ccr/resume_follow → 200
 1490 s  follower POST /i397-f/_ccr/pause_follow → 200
 1490 s  follower POST /i397-f/_ccr/resume_follow → 200
 1492 s  follower POST /i398-f/_ccr/pause_follow → 200
 1492 s  follower POST /i398-f/_ccr/resume_follow → 200
 1496 s  follower POST /i399-f/_ccr/pause_follow → 200
 1496 s  follower POST /i399-f/_ccr/resume_follow → 200
 1514 s  follower POST /i40-f/_ccr/pause_follow → 200
 1514 s  follower POST /i40-f/_ccr/resume_follow → 200
 1522 s  follower POST /i41-f/_ccr/pause_follow → 200
 1522 s  follower POST /i41-f/_ccr/resume_follow → 200
 1522 s  follower POST /i42-f/_ccr/pause_follow → 200
 1522 s  follower POST /i42-f/_ccr/resume_follow → 200
 1528 s  follower POST /i43-f/_ccr/pause_follow → 200
 1528 s  follower POST /i43-f/_ccr/resume_follow → 200
 1544 s  follower POST /i44-f/_ccr/pause_follow → 200
 1544 s  follower POST /i44-f/_ccr/resume_follow → 200
 1552 s  follower POST /i45-f/_ccr/pause_follow → 200
 1552 s  follower POST /i45-f/_ccr/resume_follow → 200
 1554 s  follower POST /i46-f/_ccr/pause_follow → 200
 1554 s  follower POST /i46-f/_ccr/resume_follow → 200
 1560 s  follower POST /i47-f/_ccr/pause_follow → 200
 1560 s  follower POST /i47-f/_ccr/resume_follow → 200
 1574 s  follower POST /i48-f/_ccr/pause_follow → 200
 1574 s  follower POST /i48-f/_ccr/resume_follow → 200
 1584 s  follower POST /i49-f/_ccr/pause_follow → 200
 1584 s  follower POST /i49-f/_ccr/resume_follow → 200
 1584 s  follower POST /i50-f/_ccr/pause_follow → 200
 1584 s  follower POST /i50-f/_ccr/resume_follow → 200
 1592 s  follower POST /i51-f/_ccr/pause_follow → 200
 1592 s  follower POST /i51-f/_ccr/resume_follow → 200
 1604 s  follower POST /i52-f/_ccr/pause_follow → 200
 1604 s  follower POST /i52-f/_ccr/resume_follow → 200
 1614 s  follower POST /i53-f/_ccr/pause_follow → 200
 1614 s  follower POST /i53-f/_ccr/resume_follow → 200
 1616 s  follower POST /i54-f/_ccr/pause_follow → 200
 1616 s  follower POST /i54-f/_ccr/resume_follow → 200
 1624 s  follower POST /i55-f/_ccr/pause_follow → 200
 1624 s  follower POST /i55-f/_ccr/resume_follow → 200
 1634 s  follower POST /i56-f/_ccr/pause_follow → 200
 1634 s  follower POST /i56-f/_ccr/resume_follow → 200
 1646 s  follower POST /i57-f/_ccr/pause_follow → 200
 1646 s  follower POST /i57-f/_ccr/resume_follow → 200
 1646 s  follower POST /i58-f/_ccr/pause_follow → 200
 1646 s  follower POST /i58-f/_ccr/resume_follow → 200
 1656 s  follower POST /i59-f/_ccr/pause_follow → 200
 1656 s  follower POST /i59-f/_ccr/resume_follow → 200
 1664 s  follower POST /i60-f/_ccr/pause_follow → 200
 1664 s  follower POST /i60-f/_ccr/resume_follow → 200
 1676 s  follower POST /i61-f/_ccr/pause_follow → 200
 1676 s  follower POST /i61-f/_ccr/resume_follow → 200
 1678 s  follower POST /i62-f/_ccr/pause_follow → 200
 1678 s  follower POST /i62-f/_ccr/resume_follow → 200
 1688 s  follower POST /i63-f/_ccr/pause_follow → 200
 1688 s  follower POST /i63-f/_ccr/resume_follow → 200
 1694 s  follower POST /i64-f/_ccr/pause_follow → 200
 1694 s  follower POST /i64-f/_ccr/resume_follow → 200
 1708 s  follower POST /i65-f/_ccr/pause_follow → 200
 1708 s  follower POST /i65-f/_ccr/resume_follow → 200
 1708 s  follower POST /i66-f/_ccr/pause_follow → 200
 1708 s  follower POST /i66-f/_ccr/resume_follow → 200
 1720 s  follower POST /i67-f/_ccr/pause_follow → 200
 1720 s  follower POST /i67-f/_ccr/resume_follow → 200
 1724 s  follower POST /i68-f/_ccr/pause_follow → 200
 1724 s  follower POST /i68-f/_ccr/resume_follow → 200
 1738 s  follower POST /i69-f/_ccr/pause_follow → 200
 1738 s  follower POST /i69-f/_ccr/resume_follow → 200
 1740 s  follower POST /i70-f/_ccr/pause_follow → 200
 1740 s  follower POST /i70-f/_ccr/resume_follow → 200
 1752 s  follower POST /i71-f/_ccr/pause_follow → 200
 1752 s  follower POST /i71-f/_ccr/resume_follow → 200
 1754 s  follower POST /i72-f/_ccr/pause_follow → 200
 1754 s  follower POST /i72-f/_ccr/resume_follow → 200
 1770 s  follower POST /i73-f/_ccr/pause_follow → 200
 1770 s  follower POST /i73-f/_ccr/resume_follow → 200
 1770 s  follower POST /i74-f/_ccr/pause_follow → 200
 1770 s  follower POST /i74-f/_ccr/resume_follow → 200
 1784 s  follower POST /i75-f/_ccr/pause_follow → 200
 1784 s  follower POST /i75-f/_ccr/resume_follow → 200
 1784 s  follower POST /i76-f/_ccr/pause_follow → 200
 1784 s  follower POST /i76-f/_ccr/resume_follow → 200
 1800 s  follower POST /i77-f/_ccr/pause_follow → 200
 1800 s  follower POST /i77-f/_ccr/resume_follow → 200
 1802 s  follower POST /i78-f/_ccr/pause_follow → 200
 1802 s  follower POST /i78-f/_ccr/resume_follow → 200
 1814 s  follower POST /i79-f/_ccr/pause_follow → 200
 1814 s  follower POST /i79-f/_ccr/resume_follow → 200
 1816 s  follower POST /i80-f/_ccr/pause_follow → 200
 1816 s  follower POST /i80-f/_ccr/resume_follow → 200
 1832 s  follower POST /i81-f/_ccr/pause_follow → 200
 1832 s  follower POST /i81-f/_ccr/resume_follow → 200
 1832 s  follower POST /i82-f/_ccr/pause_follow → 200
 1832 s  follower POST /i82-f/_ccr/resume_follow → 200
 1846 s  follower POST /i83-f/_ccr/pause_follow → 200
 1846 s  follower POST /i83-f/_ccr/resume_follow → 200
 1846 s  follower POST /i84-f/_ccr/pause_follow → 200
 1846 s  follower POST /i84-f/_ccr/resume_follow → 200
 1862 s  follower POST /i85-f/_ccr/pause_follow → 200
 1862 s  follower POST /i85-f/_ccr/resume_follow → 200
 1864 s  follower POST /i86-f/_ccr/pause_follow → 200
 1864 s  follower POST /i86-f/_ccr/resume_follow → 200
 1876 s  follower POST /i87-f/_ccr/pause_follow → 200
 1876 s  follower POST /i87-f/_ccr/resume_follow → 200
 1878 s  follower POST /i88-f/_ccr/pause_follow → 200
 1878 s  follower POST /i88-f/_ccr/resume_follow → 200
 1894 s  follower POST /i89-f/_ccr/pause_follow → 200
 1894 s  follower POST /i89-f/_ccr/resume_follow → 200
 1894 s  follower POST /i90-f/_ccr/pause_follow → 200
 1894 s  follower POST /i90-f/_ccr/resume_follow → 200
 1908 s  follower POST /i91-f/_ccr/pause_follow → 200
 1908 s  follower POST /i91-f/_ccr/resume_follow → 200
 1908 s  follower POST /i92-f/_ccr/pause_follow → 200
 1908 s  follower POST /i92-f/_ccr/resume_follow → 200
 1924 s  follower POST /i93-f/_ccr/pause_follow → 200
 1924 s  follower POST /i93-f/_ccr/resume_follow → 200
 1926 s  follower POST /i94-f/_ccr/pause_follow → 200
 1926 s  follower POST /i94-f/_ccr/resume_follow → 200
 1938 s  follower POST /i95-f/_ccr/pause_follow → 200
 1938 s  follower POST /i95-f/_ccr/resume_follow → 200
 1940 s  follower POST /i96-f/_ccr/pause_follow → 200
 1940 s  follower POST /i96-f/_ccr/resume_follow → 200
 1956 s  follower POST /i97-f/_ccr/pause_follow → 200
 1956 s  follower POST /i97-f/_ccr/resume_follow → 200
 1956 s  follower POST /i98-f/_ccr/pause_follow → 200
 1956 s  follower POST /i98-f/_ccr/resume_follow → 200
 1970 s  follower POST /i99-f/_ccr/pause_follow → 200
 1970 s  follower POST /i99-f/_ccr/resume_follow → 200

i00-f i01-f i02-f i03-f i04-f i05-f i06-f i07-f i08-f i09-f i10-f i100-f i101-f i102-f i103-f i104-f i105-f i106-f i107-f i108-f i109-f i11-f i110-f i111-f i112-f i113-f i114-f i115-f i116-f i117-f i118-f i119-f i12-f i120-f i121-f i122-f i123-f i124-f i125-f i126-f i127-f i128-f i129-f i13-f i130-f i131-f i132-f i133-f i134-f i135-f i136-f i137-f i138-f i139-f i14-f i140-f i141-f i142-f i143-f i144-f i145-f i146-f i147-f i148-f i149-f i15-f i150-f i151-f i152-f i153-f i154-f i155-f i156-f i157-f i158-f i159-f i16-f i160-f i161-f i162-f i163-f i164-f i165-f i166-f i167-f i168-f i169-f i17-f i170-f i171-f i172-f i173-f i174-f i175-f i176-f i177-f i178-f i179-f i18-f i180-f i181-f i182-f i183-f i184-f i185-f i186-f i187-f i188-f i189-f i19-f i190-f i191-f i192-f i193-f i194-f i195-f i196-f i197-f i198-f i199-f i20-f i200-f i201-f i202-f i203-f i204-f i205-f i206-f i207-f i208-f i209-f i21-f i210-f i211-f i212-f i213-f i214-f i215-f i216-f i217-f i218-f i219-f i22-f i220-f i221-f i222-f i223-f i224-f i225-f i226-f i227-f i228-f i229-f i23-f i230-f i231-f i232-f i233-f i234-f i235-f i236-f i237-f i238-f i239-f i24-f i240-f i241-f i242-f i243-f i244-f i245-f i246-f i247-f i248-f i249-f i25-f i250-f i251-f i252-f i253-f i254-f i255-f i256-f i257-f i258-f i259-f i26-f i260-f i261-f i262-f i263-f i264-f i265-f i266-f i267-f i268-f i269-f i27-f i270-f i271-f i272-f i273-f i274-f i275-f i276-f i277-f i278-f i279-f i28-f i280-f i281-f i282-f i283-f i284-f i285-f i286-f i287-f i288-f i289-f i29-f i290-f i291-f i292-f i293-f i294-f i295-f i296-f i297-f i298-f i299-f i30-f i300-f i301-f i302-f i303-f i304-f i305-f i306-f i307-f i308-f i309-f i31-f i310-f i311-f i312-f i313-f i314-f i315-f i316-f i317-f i318-f i319-f i32-f i320-f i321-f i322-f i323-f i324-f i325-f i326-f i327-f i328-f i329-f i33-f i330-f i331-f i332-f i333-f i334-f i335-f i336-f i337-f i338-f i339-f i34-f i340-f i341-f i342-f i343-f i344-f i345-f i346-f i347-f i348-f i349-f i35-f i350-f i351-f i352-f i353-f i354-f i355-f i356-f i357-f i358-f i359-f i36-f i360-f i361-f i362-f i363-f i364-f i365-f i366-f i367-f i368-f i369-f i37-f i370-f i371-f i372-f i373-f i374-f i375-f i376-f i377-f i378-f i379-f i38-f i380-f i381-f i382-f i383-f i384-f i385-f i386-f i387-f i388-f i389-f i39-f i390-f i391-f i392-f i393-f i394-f i395-f i396-f i397-f i398-f i399-f i40-f i41-f i42-f i43-f i44-f i45-f i46-f i47-f i48-f i49-f i50-f i51-f i52-f i53-f i54-f i55-f i56-f i57-f i58-f i59-f i60-f i61-f i62-f i63-f i64-f i65-f i66-f i67-f i68-f i69-f i70-f i71-f i72-f i73-f i74-f i75-f i76-f i77-f i78-f i79-f i80-f i81-f i82-f i83-f i84-f i85-f i86-f i87-f i88-f i89-f i90-f i91-f i92-f i93-f i94-f i95-f i96-f i97-f i98-f i99-f follows; refollow says following / none, leave
run on i00-f: resume, cured
run on i01-f: resume, cured
run on i02-f: resume, cured
run on i03-f: resume, cured
run on i04-f: resume, cured
run on i05-f: resume, cured
run on i08-f: resume, cured
run on i101-f: resume, cured
run on i06-f: resume, cured
run on i07-f: resume, cured
run on i105-f: resume, cured
run on i109-f: resume, cured
run on i09-f: resume, cured
run on i10-f: resume, cured
run on i100-f: resume, cured
run on i112-f: resume, cured
run on i102-f: resume, cured
run on i103-f: resume, cured
run on i104-f: resume, cured
run on i116-f: resume, cured
run on i106-f: resume, cured
run on i107-f: resume, cured
run on i108-f: resume, cured
run on i12-f: resume, cured
run on i11-f: resume, cured
run on i110-f: resume, cured
run on i111-f: resume, cured
run on i123-f: resume, cured
run on i113-f: resume, cured
run on i114-f: resume, cured
run on i115-f: resume, cured
run on i127-f: resume, cured
run on i117-f: resume, cured
run on i118-f: resume, cured
run on i119-f: resume, cured
run on i130-f: resume, cured
run on i120-f: resume, cured
run on i121-f: resume, cured
run on i122-f: resume, cured
run on i134-f: resume, cured
run on i124-f: resume, cured
run on i125-f: resume, cured
run on i126-f: resume, cured
run on i138-f: resume, cured
run on i128-f: resume, cured
run on i129-f: resume, cured
run on i13-f: resume, cured
run on i141-f: resume, cured
run on i131-f: resume, cured
run on i132-f: resume, cured
run on i133-f: resume, cured
run on i145-f: resume, cured
run on i135-f: resume, cured
run on i136-f: resume, cured
run on i137-f: resume, cured
run on i149-f: resume, cured
run on i139-f: resume, cured
run on i14-f: resume, cured
run on i140-f: resume, cured
run on i152-f: resume, cured
run on i142-f: resume, cured
run on i143-f: resume, cured
run on i144-f: resume, cured
run on i156-f: resume, cured
run on i146-f: resume, cured
run on i147-f: resume, cured
run on i148-f: resume, cured
run on i16-f: resume, cured
run on i15-f: resume, cured
run on i150-f: resume, cured
run on i151-f: resume, cured
run on i163-f: resume, cured
run on i153-f: resume, cured
run on i154-f: resume, cured
run on i155-f: resume, cured
run on i167-f: resume, cured
run on i157-f: resume, cured
run on i158-f: resume, cured
run on i159-f: resume, cured
run on i170-f: resume, cured
run on i160-f: resume, cured
run on i161-f: resume, cured
run on i162-f: resume, cured
run on i174-f: resume, cured
run on i164-f: resume, cured
run on i165-f: resume, cured
run on i166-f: resume, cured
run on i178-f: resume, cured
run on i168-f: resume, cured
run on i169-f: resume, cured
run on i17-f: resume, cured
run on i181-f: resume, cured
run on i171-f: resume, cured
run on i172-f: resume, cured
run on i173-f: resume, cured
run on i185-f: resume, cured
run on i175-f: resume, cured
run on i176-f: resume, cured
run on i177-f: resume, cured
run on i189-f: resume, cured
run on i179-f: resume, cured
run on i18-f: resume, cured
run on i180-f: resume, cured
run on i192-f: resume, cured
run on i182-f: resume, cured
run on i183-f: resume, cured
run on i184-f: resume, cured
run on i196-f: resume, cured
run on i186-f: resume, cured
run on i187-f: resume, cured
run on i188-f: resume, cured
run on i20-f: resume, cured
run on i19-f: resume, cured
run on i190-f: resume, cured
run on i191-f: resume, cured
run on i203-f: resume, cured
run on i193-f: resume, cured
run on i194-f: resume, cured
run on i195-f: resume, cured
run on i207-f: resume, cured
run on i197-f: resume, cured
run on i198-f: resume, cured
run on i199-f: resume, cured
run on i210-f: resume, cured
run on i200-f: resume, cured
run on i201-f: resume, cured
run on i202-f: resume, cured
run on i214-f: resume, cured
run on i204-f: resume, cured
run on i205-f: resume, cured
run on i206-f: resume, cured
run on i218-f: resume, cured
run on i208-f: resume, cured
run on i209-f: resume, cured
run on i21-f: resume, cured
run on i221-f: resume, cured
run on i211-f: resume, cured
run on i212-f: resume, cured
run on i213-f: resume, cured
run on i225-f: resume, cured
run on i215-f: resume, cured
run on i216-f: resume, cured
run on i217-f: resume, cured
run on i229-f: resume, cured
run on i219-f: resume, cured
run on i22-f: resume, cured
run on i220-f: resume, cured
run on i232-f: resume, cured
run on i222-f: resume, cured
run on i223-f: resume, cured
run on i224-f: resume, cured
run on i236-f: resume, cured
run on i226-f: resume, cured
run on i227-f: resume, cured
run on i228-f: resume, cured
run on i24-f: resume, cured
run on i23-f: resume, cured
run on i230-f: resume, cured
run on i231-f: resume, cured
run on i243-f: resume, cured
run on i233-f: resume, cured
run on i234-f: resume, cured
run on i235-f: resume, cured
run on i247-f: resume, cured
run on i237-f: resume, cured
run on i238-f: resume, cured
run on i239-f: resume, cured
run on i250-f: resume, cured
run on i240-f: resume, cured
run on i241-f: resume, cured
run on i242-f: resume, cured
run on i254-f: resume, cured
run on i244-f: resume, cured
run on i245-f: resume, cured
run on i246-f: resume, cured
run on i258-f: resume, cured
run on i248-f: resume, cured
run on i249-f: resume, cured
run on i25-f: resume, cured
run on i261-f: resume, cured
run on i251-f: resume, cured
run on i252-f: resume, cured
run on i253-f: resume, cured
run on i265-f: resume, cured
run on i255-f: resume, cured
run on i256-f: resume, cured
run on i257-f: resume, cured
run on i269-f: resume, cured
run on i259-f: resume, cured
run on i26-f: resume, cured
run on i260-f: resume, cured
run on i272-f: resume, cured
run on i262-f: resume, cured
run on i263-f: resume, cured
run on i264-f: resume, cured
run on i276-f: resume, cured
run on i266-f: resume, cured
run on i267-f: resume, cured
run on i268-f: resume, cured
run on i27-f: resume, cured
run on i270-f: resume, cured
run on i271-f: resume, cured
run on i273-f: resume, cured
run on i274-f: resume, cured
run on i275-f: resume, cured
run on i277-f: resume, cured
run on i278-f: resume, cured
run on i279-f: resume, cured
run on i28-f: resume, cured
run on i280-f: resume, cured
run on i281-f: resume, cured
run on i282-f: resume, cured
run on i283-f: resume, cured
run on i284-f: resume, cured
run on i285-f: resume, cured
run on i286-f: resume, cured
run on i287-f: resume, cured
run on i288-f: resume, cured
run on i289-f: resume, cured
run on i29-f: resume, cured
run on i290-f: resume, cured
run on i291-f: resume, cured
run on i292-f: resume, cured
run on i293-f: resume, cured
run on i294-f: resume, cured
run on i295-f: resume, cured
run on i296-f: resume, cured
run on i297-f: resume, cured
run on i298-f: resume, cured
run on i299-f: resume, cured
run on i30-f: resume, cured
run on i300-f: resume, cured
run on i301-f: resume, cured
run on i302-f: resume, cured
run on i303-f: resume, cured
run on i304-f: resume, cured
run on i305-f: resume, cured
run on i306-f: resume, cured
run on i307-f: resume, cured
run on i308-f: resume, cured
run on i309-f: resume, cured
run on i31-f: resume, cured
run on i310-f: resume, cured
run on i311-f: resume, cured
run on i312-f: resume, cured
run on i313-f: resume, cured
run on i314-f: resume, cured
run on i315-f: resume, cured
run on i316-f: resume, cured
run on i317-f: resume, cured
run on i318-f: resume, cured
run on i319-f: resume, cured
run on i32-f: resume, cured
run on i320-f: resume, cured
run on i321-f: resume, cured
run on i322-f: resume, cured
run on i323-f: resume, cured
run on i324-f: resume, cured
run on i325-f: resume, cured
run on i326-f: resume, cured
run on i327-f: resume, cured
run on i328-f: resume, cured
run on i329-f: resume, cured
run on i33-f: resume, cured
run on i330-f: resume, cured
run on i331-f: resume, cured
run on i332-f: resume, cured
run on i333-f: resume, cured
run on i334-f: resume, cured
run on i335-f: resume, cured
run on i336-f: resume, cured
run on i337-f: resume, cured
run on i338-f: resume, cured
run on i339-f: resume, cured
run on i34-f: resume, cured
run on i340-f: resume, cured
run on i341-f: resume, cured
run on i342-f: resume, cured
run on i343-f: resume, cured
run on i344-f: resume, cured
run on i345-f: resume, cured
run on i346-f: resume, cured
run on i347-f: resume, cured
run on i348-f: resume, cured
run on i349-f: resume, cured
run on i35-f: resume, cured
run on i350-f: resume, cured
run on i351-f: resume, cured
run on i352-f: resume, cured
run on i353-f: resume, cured
run on i354-f: resume, cured
run on i355-f: resume, cured
run on i356-f: resume, cured
run on i357-f: resume, cured
run on i358-f: resume, cured
run on i359-f: resume, cured
run on i36-f: resume, cured
run on i360-f: resume, cured
run on i361-f: resume, cured
run on i362-f: resume, cured
run on i363-f: resume, cured
run on i364-f: resume, cured
run on i365-f: resume, cured
run on i366-f: resume, cured
run on i367-f: resume, cured
run on i368-f: resume, cured
run on i369-f: resume, cured
run on i37-f: resume, cured
run on i370-f: resume, cured
run on i371-f: resume, cured
run on i372-f: resume, cured
run on i373-f: resume, cured
run on i374-f: resume, cured
run on i375-f: resume, cured
run on i376-f: resume, cured
run on i377-f: resume, cured
run on i378-f: resume, cured
run on i379-f: resume, cured
run on i38-f: resume, cured
run on i380-f: resume, cured
run on i381-f: resume, cured
run on i382-f: resume, cured
run on i383-f: resume, cured
run on i384-f: resume, cured
run on i385-f: resume, cured
run on i386-f: resume, cured
run on i387-f: resume, cured
run on i388-f: resume, cured
run on i389-f: resume, cured
run on i39-f: resume, cured
run on i390-f: resume, cured
run on i391-f: resume, cured
run on i392-f: resume, cured
run on i393-f: resume, cured
run on i394-f: resume, cured
run on i395-f: resume, cured
run on i396-f: resume, cured
run on i397-f: resume, cured
run on i398-f: resume, cured
run on i399-f: resume, cured
run on i40-f: resume, cured
run on i41-f: resume, cured
run on i42-f: resume, cured
run on i43-f: resume, cured
run on i44-f: resume, cured
run on i45-f: resume, cured
run on i46-f: resume, cured
run on i47-f: resume, cured
run on i48-f: resume, cured
run on i49-f: resume, cured
run on i50-f: resume, cured
run on i51-f: resume, cured
run on i52-f: resume, cured
run on i53-f: resume, cured
run on i54-f: resume, cured
run on i55-f: resume, cured
run on i56-f: resume, cured
run on i57-f: resume, cured
run on i58-f: resume, cured
run on i59-f: resume, cured
run on i60-f: resume, cured
run on i61-f: resume, cured
run on i62-f: resume, cured
run on i63-f: resume, cured
run on i64-f: resume, cured
run on i65-f: resume, cured
run on i66-f: resume, cured
run on i67-f: resume, cured
run on i68-f: resume, cured
run on i69-f: resume, cured
run on i70-f: resume, cured
run on i71-f: resume, cured
run on i72-f: resume, cured
run on i73-f: resume, cured
run on i74-f: resume, cured
run on i75-f: resume, cured
run on i76-f: resume, cured
run on i77-f: resume, cured
run on i78-f: resume, cured
run on i79-f: resume, cured
run on i80-f: resume, cured
run on i81-f: resume, cured
run on i82-f: resume, cured
run on i83-f: resume, cured
run on i84-f: resume, cured
run on i85-f: resume, cured
run on i86-f: resume, cured
run on i87-f: resume, cured
run on i88-f: resume, cured
run on i89-f: resume, cured
run on i90-f: resume, cured
run on i91-f: resume, cured
run on i92-f: resume, cured
run on i93-f: resume, cured
run on i94-f: resume, cured
run on i95-f: resume, cured
run on i96-f: resume, cured
run on i97-f: resume, cured
run on i98-f: resume, cured
run on i99-f: resume, cured
